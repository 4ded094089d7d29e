import type { Consistency } from "@d-engine/client";

/** Bounds and policies of the driver. Times in milliseconds, sizes in bytes. */
export interface DriverOptions {
  /** How long a call waits when it does not say so itself. */
  readonly requestTimeoutMs: number;
  /** How long `close` lets accepted work finish before it ends it. */
  readonly closeTimeoutMs: number;
  /** Most writes that wait at once, queued or in the log; more are refused `RATE_LIMITED`. */
  readonly pendingProposalsMax: number;
  /** Most bytes of commands that wait at once; beyond it `RATE_LIMITED`. */
  readonly pendingProposalBytesMax: number;
  /** Most commands in one proposal to the core. */
  readonly proposalEntriesMax: number;
  /** Most bytes in one proposal to the core; a single larger command still goes alone. */
  readonly proposalBytesMax: number;
  /** Commands that are proposed before the turn ends when the log is idle. */
  readonly eagerEntries: number;
  /** Most reads that wait at once; more are refused `RATE_LIMITED`. */
  readonly pendingReadsMax: number;
  /** Most read-index requests that are unanswered at once; later reads gather meanwhile. */
  readonly readRequestsMax: number;
  /** What `RATE_LIMITED` tells callers to wait. */
  readonly retryAfterMs: number;
  /** Longest time that applying entries keeps the event loop at a stretch. */
  readonly applySliceMs: number;
  /** Most messages held back for a disk that is slow; beyond it the newest are dropped. */
  readonly heldMessagesMax: number;
  /** Bytes of entries applied since the last snapshot that bring about the next one. */
  readonly snapshotLogBytes: number;
  /** Entries applied since the last snapshot that bring about the next one. */
  readonly snapshotEntries: number;
  /** Bytes of the log that stay behind a snapshot, for followers that are slow or were away. */
  readonly logTailBytes: number;
  /**
   * Size of the log at which first the tail is given up, and then writes are refused
   * `RATE_LIMITED` until a newer snapshot has made room.
   */
  readonly logBytesMax: number;
  /** Size of the pieces in which a snapshot is sent. */
  readonly snapshotChunkBytes: number;
  /** Most pieces in one message, and so in memory for one peer. */
  readonly snapshotWindowChunks: number;
  /** Most snapshots that are sent at once; further peers wait. */
  readonly snapshotTransfersMax: number;
  /** Most bytes of snapshots that are sent in a second, to all peers together; 0: no limit. */
  readonly snapshotBytesPerSecond: number;
  /** Difference between wall and monotonic clock, from one tick to the next, that voids leases. */
  readonly clockJumpMs: number;
  /**
   * How long the leader keeps what was overwritten or deleted, for reads and watches of the past,
   * unless there is too much of it; 0: as long as there is not.
   */
  readonly historyRetentionMs: number;
  /** The level of a read that names none. */
  readonly defaultConsistency: Consistency;
  /** Whether a read may name another level than the default; if not, it is refused. */
  readonly allowClientOverride: boolean;
}

/**
 * Linearizable reads are the default: the safe level costs nothing on a single node and one shared
 * round on a cluster, and who wants less can say so.
 */
export const DRIVER_DEFAULTS: DriverOptions = Object.freeze({
  requestTimeoutMs: 5_000,
  closeTimeoutMs: 5_000,
  pendingProposalsMax: 100_000,
  pendingProposalBytesMax: 64 * 1024 * 1024,
  proposalEntriesMax: 4_096,
  proposalBytesMax: 4 * 1024 * 1024,
  eagerEntries: 256,
  pendingReadsMax: 100_000,
  readRequestsMax: 64,
  retryAfterMs: 100,
  applySliceMs: 10,
  heldMessagesMax: 10_000,
  snapshotLogBytes: 256 * 1024 * 1024,
  snapshotEntries: 1_000_000,
  logTailBytes: 1024 * 1024 * 1024,
  logBytesMax: 4 * 1024 * 1024 * 1024,
  snapshotChunkBytes: 256 * 1024,
  snapshotWindowChunks: 8,
  snapshotTransfersMax: 2,
  snapshotBytesPerSecond: 0,
  clockJumpMs: 100,
  historyRetentionMs: 3_600_000,
  defaultConsistency: "linearizable",
  allowClientOverride: true,
});
