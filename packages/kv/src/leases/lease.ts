import type { LeaseDeadline } from "@d-engine/codec";

/**
 * A time to live that keys are bound to: when it ends, they end. Immutable (rule R16): a
 * keep-alive makes another lease of the same id, so that whoever holds the older one (a snapshot)
 * never sees the later deadline.
 */
export interface Lease {
  readonly id: number;
  readonly ttlMs: number;
  /** Cluster time from which on it may be ended, never before (T1). */
  readonly deadlineMs: number;
  /** Whether writes can be repeated in it (rule R17). */
  readonly session: boolean;
  /** Of one put with a time to live: hidden from clients, and gone with its key. */
  readonly own: boolean;
}

/** Ids of own leases begin here, clients' end before it. */
export const OWN_LEASE_IDS_FROM = 2 ** 52;

/** The lease of a record as clients see it: of a hidden one they know the time to live alone. */
export function visibleLease(id: number): number {
  return id < OWN_LEASE_IDS_FROM ? id : 0;
}

/** The order in which leases end. */
export function compareDeadlines(a: LeaseDeadline, b: LeaseDeadline): number {
  return a.deadlineMs - b.deadlineMs || a.id - b.id;
}
