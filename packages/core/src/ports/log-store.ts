import type { HardState } from "../effects.js";
import type { Entry } from "../entry.js";
import type { BatchId, LogId, LogIndex } from "../ids.js";

/** One numbered persistence batch. */
export interface LogWrite {
  /** One more than the batch before. */
  readonly batch: BatchId;
  readonly hardState: HardState | undefined;
  /**
   * An installed snapshot's label: everything before is void, the log goes on right behind it
   * (rule R9). Holds before `entries`.
   */
  readonly reset?: LogId | undefined;
  /** Contiguous; replaces any suffix from `entries[0].index` on. */
  readonly entries: readonly Entry[];
  /** The commit index known now; written along, never synced for its own sake (rule R8). */
  readonly commitIndex: LogIndex;
}

/** How a log store reports back. Both are called outside of any call into the store. */
export interface LogStoreListener {
  /** This batch and all before it are durable. Called in growing order, once for each write. */
  persisted(batch: BatchId): void;
  /** The disk failed. Nothing after the last `persisted` is promised; the node must stop. */
  failed(error: Error): void;
  /**
   * Whether the store has room for another segment. While `false`, the node refuses proposals
   * with `DISK_FULL` and still serves reads (rule R10).
   */
  room?(available: boolean): void;
}

/** What opening a log found. */
export interface RecoveredLog {
  readonly hardState: HardState | undefined;
  /** The position right before the first retained entry: (0, 0), or the snapshot's label. */
  readonly base: LogId;
  /** The last durable entry; equals `base` when there is none. */
  readonly last: LogId;
  /** The newest commit index found in the log; at most `last.index`. */
  readonly commitIndex: LogIndex;
  /** The first position of each term in the retained log, ascending. */
  readonly termRuns: readonly LogId[];
}

/**
 * The durable log and hard state of one node. `write` queues and returns; whatever is queued
 * while a write is under way goes to the disk together in the next one (group commit).
 */
export interface LogStore {
  readonly recovered: RecoveredLog;
  /** Names who hears about durability. Called once, before the first `write`. */
  start(listener: LogStoreListener): void;
  write(write: LogWrite): void;
  /**
   * Tells of a newer commit index, for the next batch or seal to carry; it causes no write and no
   * sync (rule R8). Without it a log that goes idle forgets that its last batch was committed.
   */
  committed?(index: LogIndex): void;
  /**
   * Entries `[from, to)`, at least one and otherwise at most `bytesMax` bytes of them. Rejects with
   * `EngineError` `INVALID_REQUEST` when the range is not retained.
   */
  read(from: LogIndex, to: LogIndex, bytesMax: number): Promise<readonly Entry[]>;
  /**
   * How far the log can be purged: the base that it would have then, at most `upTo`, with at least
   * the newest `tailBytes` of the log still there. `undefined` when nothing would be won.
   */
  purgePoint(upTo: LogIndex, tailBytes: number): LogId | undefined;
  /** Gives up entries at or below `upTo.index`, which a durable snapshot must cover. */
  purge(upTo: LogId): Promise<void>;
  /** Bytes of segments on the disk. */
  readonly bytes: number;
  /** Writes what is queued and a seal, then releases. Idempotent. */
  close(): Promise<void>;
}
