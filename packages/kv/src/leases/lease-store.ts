import type { SessionTable } from "../sessions/session-table.js";
import type { WriteOutcome, WriteRefusal } from "../write-outcome.js";
import type { LeaseTable } from "./lease-table.js";

/** What the commands of leases need of the store. */
export interface LeaseStore {
  readonly leases: LeaseTable;
  readonly sessions: SessionTable;
  readonly revision: number;
  /**
   * Takes out `keys`, which are there, as one change: one revision for all, a delete event for each
   * in this order, and each freed from its lease (`LeaseTable.detach`). Nothing for no keys.
   */
  removeKeys(keys: readonly string[]): void;
}

/**
 * Ends leases with their keys and sessions. The keys go lease by lease, and in byte order within
 * each, so that the events are the same on every replica (T3, T4).
 */
export function endLeases(store: LeaseStore, ids: Iterable<number>): void {
  const { leases, sessions } = store;
  const ended = [...ids];
  store.removeKeys(ended.flatMap((id) => leases.keysOf(id)));
  for (const id of ended) {
    // An own lease is gone with its key.
    if (leases.get(id) !== undefined) leases.remove(id);
    sessions.end(id);
  }
}

/** The outcome of a command that was refused when it was applied, and changed nothing. */
export function refused(store: LeaseStore, refusal: WriteRefusal): WriteOutcome {
  return { succeeded: false, revision: store.revision, existed: false, refusal };
}
