import {
  type BatchId,
  EngineError,
  type Entry,
  entryBytes,
  invariant,
  type LogIndex,
  type LogWrite,
  type Term,
} from "@d-engine/core";
import { BatchBuilder } from "../format/batch-builder.js";
import type { PendingWrites } from "./pending-writes.js";
import type { TermRuns } from "./term-runs.js";

/** One batch, ready to be written. */
export interface FilledBatch {
  readonly builder: BatchBuilder;
  readonly commitIndex: LogIndex;
  /** How many pending writes are durable with it. */
  readonly completes: number;
  /** The newest of them; `undefined` when it holds only a part of one large write. */
  readonly batch: BatchId | undefined;
}

/**
 * Turns pending writes into batches. A write is encoded as it arrives, while another batch is
 * under way; what exceeds a batch's bound stays unencoded until the next one. A write that alone
 * exceeds it is divided: hard state first, and it counts as durable with its last part.
 */
export class BatchQueue {
  readonly #pending: PendingWrites;
  /** Terms of the log as encoded so far. */
  readonly #terms: TermRuns;
  #filling: BatchBuilder;
  #other: BatchBuilder;
  #flying: FilledBatch | undefined;
  /** The first pending write that is not encoded in full. */
  #next = 0;
  /** How much of it is: nothing, its hard state, that and its reset, or some entries too. */
  #nextEntry = hardStateMissing;
  #commitIndex: LogIndex;
  #completes = 0;
  #batch: BatchId | undefined;
  #isEmpty = true;

  constructor(parts: {
    readonly pending: PendingWrites;
    readonly terms: TermRuns;
    readonly commitIndex: LogIndex;
    readonly batchBytesMax: number;
    readonly batchBytesLimit: number;
  }) {
    this.#pending = parts.pending;
    this.#terms = parts.terms;
    this.#commitIndex = parts.commitIndex;
    this.#filling = new BatchBuilder(parts.batchBytesMax, parts.batchBytesLimit);
    this.#other = new BatchBuilder(parts.batchBytesMax, parts.batchBytesLimit);
  }

  /** The commit index of the newest encoded write. */
  get commitIndex(): LogIndex {
    return this.#commitIndex;
  }

  /**
   * A newer commit index, for the next batch or seal to carry. Ignored while a write waits to be
   * encoded: that may replace entries which this index speaks about, and carries an index itself.
   */
  committed(index: LogIndex): void {
    if (this.#next < this.#pending.length || index > this.#pending.last) return;
    if (index > this.#commitIndex) this.#commitIndex = index;
  }

  get isEmpty(): boolean {
    return this.#isEmpty;
  }

  /** Takes in one write. Throws `INVALID_REQUEST`, and takes none of it, for too large an entry. */
  push(write: LogWrite): void {
    for (const entry of write.entries) this.#checkSize(entry);
    this.#pending.push(write);
    this.#encode();
  }

  /** Hands out the next batch, if there is one. Not before the one before is `landed`. */
  take(): FilledBatch | undefined {
    if (this.#isEmpty) return undefined;
    const filled: FilledBatch = {
      builder: this.#filling,
      commitIndex: this.#commitIndex,
      completes: this.#completes,
      batch: this.#batch,
    };
    this.#filling = this.#other;
    this.#other = filled.builder;
    this.#filling.reset();
    this.#completes = 0;
    this.#batch = undefined;
    this.#isEmpty = true;
    this.#flying = filled;
    return filled;
  }

  /** Encodes what did not fit into the batch before; called once that one is under way. */
  refill(): void {
    this.#encode();
  }

  /** The batch handed out last is durable. */
  landed(): void {
    const completes = this.#flying?.completes ?? 0;
    this.#flying = undefined;
    this.#pending.shift(completes);
    this.#next -= completes;
  }

  #encode(): void {
    while (this.#next < this.#pending.length) {
      const write = this.#pending.at(this.#next);
      if (!this.#encodeWrite(write)) return;
      this.#next++;
      this.#nextEntry = hardStateMissing;
      this.#completes++;
      this.#batch = write.batch;
    }
  }

  /** Whether all of it is encoded now. */
  #encodeWrite(write: LogWrite): boolean {
    const builder = this.#filling;
    if (this.#nextEntry === hardStateMissing) {
      if (write.hardState !== undefined && !builder.addHardState(write.hardState)) return false;
      this.#nextEntry = resetMissing;
      this.#isEmpty = false;
    }
    if (this.#nextEntry === resetMissing) {
      if (write.reset !== undefined) {
        if (!builder.addReset(write.reset)) return false;
        this.#terms.restart(write.reset);
      }
      this.#nextEntry = 0;
    }
    const entries = write.entries;
    for (let i = this.#nextEntry; i < entries.length; i++) {
      const entry = entries[i]!;
      if (!builder.addEntry(entry, this.#openRun)) {
        invariant(builder.hasRecords, () => `entry ${entry.index} exceeds a segment`);
        this.#nextEntry = i;
        return false;
      }
      this.#isEmpty = false;
    }
    // With the last entry only: it must never be on the disk before what it speaks about, as the
    // entries that stand there now may be others.
    if (write.commitIndex > this.#commitIndex) this.#commitIndex = write.commitIndex;
    return true;
  }

  #checkSize(entry: Entry): void {
    const bytesMax = this.#filling.bytesLimit - entryOverheadBytes;
    if (entryBytes(entry) <= bytesMax) return;
    throw new EngineError(
      "INVALID_REQUEST",
      `entry ${entry.index} takes ${entryBytes(entry)} bytes, a log segment takes ${bytesMax}: ` +
        "raise segmentBytes, or lower the limit for commands",
    );
  }

  readonly #openRun = (first: LogIndex, term: Term): Term => {
    const previous = this.#terms.termAt((first - 1) as LogIndex);
    this.#terms.replaceFrom(first, term);
    return previous;
  };
}

const hardStateMissing = -2;
const resetMissing = -1;
/** Header, run head and frame of an entry that has a batch to itself; generous. */
const entryOverheadBytes = 512;
