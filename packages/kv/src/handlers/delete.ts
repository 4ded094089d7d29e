import { type DeleteCommand, keyToString } from "@d-engine/codec";
import type { KvStore } from "../kv-store.js";
import type { WriteOutcome } from "../write-outcome.js";

/** Takes the key out. Of a key that is not there it succeeds too, and changes nothing. */
export function applyDelete(store: KvStore, command: DeleteCommand): WriteOutcome {
  const key = keyToString(command.key);
  const slot = store.find(key);
  if (slot !== undefined) store.remove(slot);
  store.commit();
  return { succeeded: true, revision: store.revision, existed: slot !== undefined };
}
