import { keyToString, type LeasePutCommand, type PutCommand } from "@d-engine/codec";
import type { KvStore } from "../kv-store.js";
import type { PlainPut } from "../plain-put.js";
import type { WriteOutcome } from "../write-outcome.js";

/** Sets the key, whatever it held. Always a change, also with the value that was there. */
export function applyPut(store: KvStore, command: PutCommand): WriteOutcome {
  const existed = setKey(store, command, command.ttlMs, 0);
  store.commit();
  return { succeeded: true, revision: store.revision, existed };
}

/** The same for the put that `plain` has just read from `bytes`. */
export function applyPlainPut(store: KvStore, bytes: Uint8Array, plain: PlainPut): WriteOutcome {
  const key = plain.key(bytes);
  const slot = store.find(key);
  store.set(key, slot, bytes, plain.valueFrom, plain.valueTo);
  store.commit();
  return { succeeded: true, revision: store.revision, existed: slot !== undefined };
}

/**
 * Sets a key as a part of a command, which ends the revision; whether it existed. With a time to
 * live the key gets a lease of its own; otherwise it is bound to `lease`, which exists, or with 0
 * to none: a put without one clears the lease that the key had (rule R15).
 */
export function setKey(
  store: KvStore,
  { key: keyBytes, value }: PutCommand | LeasePutCommand,
  ttlMs: number,
  lease: number,
): boolean {
  const key = keyToString(keyBytes);
  const slot = store.find(key);
  const bound = ttlMs === 0 ? lease : store.leases.grantOwn(ttlMs).id;
  store.set(key, slot, value, 0, value.length, bound);
  return slot !== undefined;
}
