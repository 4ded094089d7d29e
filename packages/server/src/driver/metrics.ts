/** Counts since the start of a node. Plain numbers, so that counting costs one addition. */
export class Counters {
  /** Steps of the core. */
  steps = 0;
  /** Commands taken into the queue. */
  proposals = 0;
  /** Commands and reads turned away at a bound with `RATE_LIMITED`. */
  rateLimited = 0;
  /** Commands turned away because the disk has no room. */
  diskFull = 0;
  /** Commands that the core refused, mostly because this node does not lead. */
  proposalsRefused = 0;
  /** Commands by which the leader ended leases that were due. */
  expiries = 0;
  /** Commands by which it wrote nothing but the time. */
  timeEntries = 0;
  /** Commands by which it gave up old history of its own accord. */
  compactions = 0;
  /** Commands of these kinds that were refused, and those of which the outcome is not known. */
  upkeepRefused = 0;
  upkeepUnknown = 0;
  /** Entries handed to the log. */
  entriesAppended = 0;
  /** Batches handed to the log. */
  batchesWritten = 0;
  /** Entries applied, those of recovery not included. */
  entriesApplied = 0;
  /** Reads by how they were served. */
  readsEventual = 0;
  readsLease = 0;
  readsLinearizable = 0;
  /** Lease reads that found no lease and took the linearizable way. */
  leaseFallbacks = 0;
  messagesSent = 0;
  messagesReceived = 0;
  roleChanges = 0;
  /** Times that wall and monotonic clock disagreed. */
  clockJumps = 0;
  /** Old entries that could not be read back for a peer. */
  logReadFailures = 0;
  /** Snapshots of this node's own state that became durable, and their bytes. */
  snapshotsMade = 0;
  snapshotBytesMade = 0;
  /** Attempts that failed, mostly for want of room. */
  snapshotsFailed = 0;
  logPurges = 0;
  logPurgeFailures = 0;
  /** Purges at `logBytesMax` that left no tail for slow followers. */
  logTailsDropped = 0;
  /** Purges at `logBytesMax` that took away what follows a snapshot in transfer. */
  transferHoldsDropped = 0;
  /** Commands turned away because the log is at `logBytesMax`. */
  logFull = 0;
  /** Snapshots that a peer has installed. */
  snapshotsSent = 0;
  snapshotSendFailures = 0;
  snapshotChunksSent = 0;
  snapshotBytesSent = 0;
  /** Times that a peer was asked which chunk it wants, at the beginning and after silences. */
  snapshotQuestions = 0;
  /** Snapshots of other nodes that replaced the state of this one. */
  snapshotsInstalled = 0;
  snapshotChunksReceived = 0;
  /** Chunks whose CRC was wrong. */
  snapshotChunksDamaged = 0;
  /** Whole snapshots whose checksum was wrong. */
  snapshotReceiptsDamaged = 0;
  /** Receipts that the disk ended, mostly for want of room. */
  snapshotReceiptFailures = 0;
  snapshotMessagesMalformed = 0;
}

/** A reading of the counters, and of what waits at this moment. */
export type DriverMetrics = Readonly<Counters> & {
  /** How often applying was interrupted to keep the event loop free. */
  readonly applySlices: number;
  readonly pendingProposals: number;
  readonly pendingProposalBytes: number;
  readonly pendingReads: number;
  readonly heldMessages: number;
  readonly heldMessagesDropped: number;
  readonly logBytes: number;
  /** Snapshots on their way to peers. */
  readonly snapshotsSending: number;
  /** 1 while a snapshot is being received, otherwise 0. */
  readonly snapshotsReceiving: number;
  /** The last entry that the newest snapshot holds; 0 without one. */
  readonly snapshotIndex: number;
};
