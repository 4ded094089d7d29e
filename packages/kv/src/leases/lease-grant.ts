import type { LeaseGrantCommand } from "@d-engine/codec";
import type { LogIndex } from "@d-engine/core";
import type { WriteOutcome } from "../write-outcome.js";
import { type LeaseStore, refused } from "./lease-store.js";
import type { LeaseTable } from "./lease-table.js";

/**
 * Grants a lease that lives from the time of the machine on, which the stamp of the command has
 * just advanced; takes no revision. The store's own choice of an id is the index of the entry,
 * which no other entry has, or the next id that is free.
 */
export function applyLeaseGrant(
  store: LeaseStore,
  { id, ttlMs, session }: LeaseGrantCommand,
  index: LogIndex,
  owner = "",
): WriteOutcome {
  const { leases, sessions, revision } = store;
  if (id !== 0 && leases.get(id) !== undefined) {
    const message = `there is a lease ${id} already; choose another id, or 0 for any`;
    return refused(store, { code: "LEASE_EXISTS", message });
  }
  const lease = leases.grant(id === 0 ? freeId(leases, index) : id, ttlMs, session);
  if (session) sessions.begin(lease.id, 0, owner);
  const detail = { kind: "lease", id: lease.id, ttlMs } as const;
  return { succeeded: true, revision, existed: false, detail };
}

function freeId(leases: LeaseTable, from: number): number {
  let id = from;
  while (leases.get(id) !== undefined) id++;
  return id;
}
