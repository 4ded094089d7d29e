import type { CompactCommand, ExpireCommand, LeaseDeadline, TimeCommand } from "@d-engine/codec";

/** What the upkeep of a key-value store asks of it. */
export interface TimedStore {
  readonly revision: number;
  /** The oldest one that can be read. */
  readonly oldestRevision: number;
  readonly leaseCount: number;
  /**
   * Ends leases whose deadline has come by `nowMs`, as many as one command may, in the order of
   * (deadline, id); `after` names the last of those that are being ended already.
   */
  expiredAt(nowMs: number, after?: LeaseDeadline): ExpireCommand | undefined;
  /** The revision to compact at, when there is more history than wanted. */
  compactionDue(): number | undefined;
}

/** What a leader proposes of its own accord (rule R14). */
export type UpkeepCommand = ExpireCommand | TimeCommand | CompactCommand;

/**
 * Proposes one of them, with this stamp if it takes one. Resolves when it is applied, rejects when
 * it was refused or when it is not known what came of it.
 */
export type ProposeUpkeep = (command: UpkeepCommand, stampMs: number) => Promise<void>;
