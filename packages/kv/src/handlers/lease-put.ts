import { keyToString, type LeasePutCommand } from "@d-engine/codec";
import type { KvStore } from "../kv-store.js";
import { refused } from "../leases/lease-store.js";
import type { WriteOutcome } from "../write-outcome.js";
import { setKey } from "./put.js";

/** A put that may bind the key to a lease, which must be there. */
export function applyLeasePut(store: KvStore, command: LeasePutCommand): WriteOutcome {
  const { key, lease, ttlMs } = command;
  if (lease !== 0) {
    const refusal = store.leases.attachRefusal(lease, [keyToString(key)]);
    if (refusal !== undefined) return refused(store, refusal);
  }
  const existed = setKey(store, command, ttlMs, lease);
  store.commit();
  return { succeeded: true, revision: store.revision, existed };
}
