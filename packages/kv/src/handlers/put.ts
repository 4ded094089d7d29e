import { keyToString, type PutCommand } from "@d-engine/codec";
import type { KvStore } from "../kv-store.js";
import type { PlainPut } from "../plain-put.js";
import type { WriteOutcome } from "../write-outcome.js";

/** Sets the key, whatever it held. Always a change, also with the value that was there. */
export function applyPut(store: KvStore, { key, value }: PutCommand): WriteOutcome {
  return putSlice(store, keyToString(key), value, 0, value.length);
}

/** The same for the put that `plain` has just read from `bytes`. */
export function applyPlainPut(store: KvStore, bytes: Uint8Array, plain: PlainPut): WriteOutcome {
  return putSlice(store, plain.key(bytes), bytes, plain.valueFrom, plain.valueTo);
}

function putSlice(
  store: KvStore,
  key: string,
  bytes: Uint8Array,
  from: number,
  to: number,
): WriteOutcome {
  const slot = store.find(key);
  store.write(key, slot, bytes, from, to);
  return { succeeded: true, revision: store.revision, existed: slot !== undefined };
}
