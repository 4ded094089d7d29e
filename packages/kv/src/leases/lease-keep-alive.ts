import type { LeaseKeepAliveCommand } from "@d-engine/codec";
import type { WriteOutcome } from "../write-outcome.js";
import { type LeaseStore, refused } from "./lease-store.js";
import { leaseNotFound } from "./lease-table.js";

/**
 * Gives a lease its whole time from now on; takes no revision. A lease whose deadline has passed
 * is renewed as long as no command has ended it: then the expiry that was proposed meanwhile names
 * a deadline that is no longer its own, and the order in the log decides (scenario 65).
 */
export function applyLeaseKeepAlive(
  store: LeaseStore,
  { id }: LeaseKeepAliveCommand,
): WriteOutcome {
  const { leases, revision } = store;
  const lease = leases.granted(id);
  if (lease === undefined) return refused(store, leaseNotFound(id));
  const { ttlMs } = leases.keepAlive(lease);
  return { succeeded: true, revision, existed: true, detail: { kind: "lease", id, ttlMs } };
}
