import type { LeaseRevokeCommand } from "@d-engine/codec";
import type { WriteOutcome } from "../write-outcome.js";
import { endLeases, type LeaseStore, refused } from "./lease-store.js";
import { leaseNotFound } from "./lease-table.js";

/** Ends a lease now, its keys by one revision; takes none if it has no keys. */
export function applyLeaseRevoke(store: LeaseStore, { id }: LeaseRevokeCommand): WriteOutcome {
  const { leases } = store;
  if (leases.granted(id) === undefined) return refused(store, leaseNotFound(id));
  const deleted = leases.keyCount(id);
  endLeases(store, [id]);
  const detail = { kind: "deleted", deleted } as const;
  return { succeeded: true, revision: store.revision, existed: true, detail };
}
