/**
 * What a process of holders, lessees and watchers saw, one line of JSON each. Times are nanoseconds
 * of the machine's monotonic clock since the run began.
 */
export type Sighting =
  | WatchBegan
  | WatchedBatch
  | WatchEnded
  | HeldLock
  | LeasedKey
  | { readonly kind: "problem"; readonly who: string; readonly what: string };

/** A watch is there: it tells everything after `afterRevision`. */
export interface WatchBegan {
  readonly kind: "watch began";
  readonly watch: string;
  readonly afterRevision: number;
}

/** One batch: its events in their order, as `revision kind key value`. */
export interface WatchedBatch {
  readonly kind: "batch";
  readonly watch: string;
  readonly revision: number;
  readonly events: readonly SeenEvent[];
}

export interface SeenEvent {
  readonly revision: number;
  readonly kind: "put" | "delete";
  readonly key: string;
  readonly value: string;
}

/** It has told everything up to `untilRevision`. */
export interface WatchEnded {
  readonly kind: "watch ended";
  readonly watch: string;
  readonly untilRevision: number;
}

/** Somebody held a lock, and knew it at both of these instants. */
export interface HeldLock {
  readonly kind: "held";
  readonly lock: string;
  readonly who: string;
  readonly token: number;
  readonly fromNs: number;
  readonly untilNs: number;
  /** How it ended: given back, or lost to time. */
  readonly end: "released" | "lost";
  /** Revisions of what was written under the lock. */
  readonly writes: readonly number[];
}

/** A key that ended with its lease or its TTL. */
export interface LeasedKey {
  readonly kind: "leased";
  readonly who: string;
  readonly key: string;
  readonly ttlMs: number;
  /** When the last write or renewal that was acknowledged was sent. */
  readonly renewedNs: number;
  /** When a linearizable read that did not find it had been answered. */
  readonly goneNs: number;
}
