import { keyToString, type PutCommand } from "@d-engine/codec";
import type { KvStore } from "../kv-store.js";
import type { WriteOutcome } from "../write-outcome.js";

/** Sets the key, whatever it held. Always a change, also with the value that was there. */
export function applyPut(store: KvStore, command: PutCommand): WriteOutcome {
  const key = keyToString(command.key);
  const slot = store.find(key);
  store.write(key, slot, command.value);
  return { succeeded: true, revision: store.revision, existed: slot !== undefined };
}
