import type { ExpireCommand } from "@d-engine/codec";
import type { WriteOutcome } from "../write-outcome.js";
import { EXPIRE_KEYS_MAX } from "./bounds.js";
import { endLeases, type LeaseStore } from "./lease-store.js";

/**
 * Ends the leases whose deadline is still the one named and is reached: whoever was renewed since
 * the command was proposed, perhaps by a leader of the past, lives on (rule R15, scenario 65), and
 * none ends early, whatever the leader's clock said (T1). One revision for all their keys.
 *
 * Keys may have been bound since then: beyond the bound of a command, leases are left for the next.
 */
export function applyExpire(store: LeaseStore, command: ExpireCommand): WriteOutcome {
  const { leases } = store;
  const ended = new Set<number>();
  let keys = 0;
  for (const { id, deadlineMs } of command.leases) {
    const lease = leases.get(id);
    if (lease?.deadlineMs !== deadlineMs || deadlineMs > leases.nowMs) continue;
    keys += leases.keyCount(id);
    if (keys > EXPIRE_KEYS_MAX && ended.size > 0) break;
    ended.add(id);
  }
  endLeases(store, ended);
  return { succeeded: true, revision: store.revision, existed: ended.size > 0 };
}
