import { entrySize, Writer, writeEntry } from "@d-engine/codec";
import {
  type Entry,
  type HardState,
  invariant,
  type LogId,
  type LogIndex,
  type Term,
} from "@d-engine/core";
import type { Crc32 } from "../crc32.js";
import { type BatchStamp, sealBatch } from "./batch-header.js";
import { putUint32 } from "./little-endian.js";
import { BATCH_HEADER_BYTES, padToSector, SECTOR_BYTES } from "./log-format.js";
import {
  ENTRY_LENGTH_BYTES,
  HARD_STATE_RECORD_BYTES,
  putHardState,
  putReset,
  putRunHead,
  RESET_RECORD_BYTES,
  RUN_HEAD_BYTES,
} from "./records.js";

/** Where a run of entries stands in its batch, for the index in memory. */
export interface BatchRun {
  readonly first: LogIndex;
  readonly count: number;
  readonly term: Term;
  readonly previousTerm: Term;
  /** Of the run's head, from the start of the batch. */
  readonly offset: number;
}

/** What a batch does to the log, in the order in which it does it. */
export type LogChange =
  | { readonly kind: "run"; readonly run: BatchRun }
  /** Everything before is void; the log goes on behind `base` (rule R9). */
  | { readonly kind: "reset"; readonly base: LogId };

/**
 * Gathers hard states, resets and entries as the payload of one data batch, in one pass into one array
 * that is reused from batch to batch. A log has two: one is filled while the other is written.
 */
export class BatchBuilder {
  readonly #writer: Writer;
  readonly #bytesMax: number;
  /** Bound of a batch that holds a single large record. */
  readonly bytesLimit: number;
  #changes: LogChange[] = [];
  #open:
    | { first: number; count: number; term: Term; previousTerm: Term; offset: number }
    | undefined;
  #hardState: HardState | undefined;

  /**
   * `bytesMax` bounds the batch on the disk, `bytesLimit` one that holds a single record; both
   * are whole sectors.
   */
  constructor(bytesMax: number, bytesLimit: number) {
    invariant(bytesMax % SECTOR_BYTES === 0, `batch bound ${bytesMax} is not whole sectors`);
    invariant(bytesLimit % SECTOR_BYTES === 0, `batch limit ${bytesLimit} is not whole sectors`);
    this.#bytesMax = bytesMax;
    this.bytesLimit = bytesLimit;
    this.#writer = new Writer(new Uint8Array(Math.min(initialBytes, bytesMax)));
    this.#writer.position = BATCH_HEADER_BYTES;
  }

  /** Bytes that the batch will take on the disk. */
  get byteLength(): number {
    return padToSector(this.#writer.position);
  }

  /** The finished batch is `bytes[0, byteLength)`. */
  get bytes(): Uint8Array {
    return this.#writer.bytes;
  }

  get changes(): readonly LogChange[] {
    return this.#changes;
  }

  /** The newest hard state in this batch. */
  get hardState(): HardState | undefined {
    return this.#hardState;
  }

  get hasRecords(): boolean {
    return this.#writer.position > BATCH_HEADER_BYTES;
  }

  /** Adds a hard state; `false`, and nothing added, when it does not fit. */
  addHardState(state: HardState): boolean {
    if (!this.#fits(HARD_STATE_RECORD_BYTES)) return false;
    this.#closeRun();
    this.#writer.ensure(HARD_STATE_RECORD_BYTES);
    putHardState(this.#writer.bytes, this.#writer.position, state);
    this.#writer.position += HARD_STATE_RECORD_BYTES;
    this.#hardState = state;
    return true;
  }

  /** Adds a reset of the log to `base`; `false`, and nothing added, when it does not fit. */
  addReset(base: LogId): boolean {
    if (!this.#fits(RESET_RECORD_BYTES)) return false;
    this.#closeRun();
    this.#writer.ensure(RESET_RECORD_BYTES);
    putReset(this.#writer.bytes, this.#writer.position, base);
    this.#writer.position += RESET_RECORD_BYTES;
    this.#changes.push({ kind: "reset", base });
    return true;
  }

  /**
   * Adds an entry; `false`, and nothing added, when it does not fit. An entry that does not
   * continue the run before it begins one: `openRun` hears of it, and answers with the term of the
   * entry before.
   */
  addEntry(entry: Entry, openRun: (first: LogIndex, term: Term) => Term): boolean {
    const writer = this.#writer;
    const open = this.#open;
    const extendsRun =
      open !== undefined && entry.index === open.first + open.count && entry.term === open.term;
    const headBytes = extendsRun ? 0 : RUN_HEAD_BYTES;
    const length = entrySize(entry);
    if (!this.#fits(headBytes + ENTRY_LENGTH_BYTES + length)) return false;
    if (!extendsRun) this.#openRun(entry, openRun(entry.index, entry.term));
    writer.ensure(ENTRY_LENGTH_BYTES);
    putUint32(writer.bytes, writer.position, length);
    writer.position += ENTRY_LENGTH_BYTES;
    writeEntry(writer, entry);
    this.#open!.count++;
    return true;
  }

  /** Writes the header. Nothing may be added until `reset`. */
  finish(stamp: BatchStamp, crc32: Crc32): void {
    this.#closeRun();
    this.#writer.ensure(SECTOR_BYTES);
    sealBatch(this.#writer.bytes, this.#writer.position, stamp, crc32);
  }

  /** Empties the builder; its array is kept. */
  reset(): void {
    this.#writer.position = BATCH_HEADER_BYTES;
    this.#changes = [];
    this.#open = undefined;
    this.#hardState = undefined;
  }

  #fits(bytes: number): boolean {
    const bound = this.hasRecords ? this.#bytesMax : this.bytesLimit;
    return this.#writer.position + bytes <= bound;
  }

  #openRun(entry: Entry, previousTerm: Term): void {
    this.#closeRun();
    const writer = this.#writer;
    this.#open = {
      first: entry.index,
      count: 0,
      term: entry.term,
      previousTerm,
      offset: writer.position,
    };
    writer.ensure(RUN_HEAD_BYTES);
    writer.position += RUN_HEAD_BYTES;
  }

  /** The head stands before its entries, so it is filled in when their number is known. */
  #closeRun(): void {
    const open = this.#open;
    if (open === undefined) return;
    this.#open = undefined;
    const run = { ...open, first: open.first as LogIndex };
    const byteLength = this.#writer.position - open.offset - RUN_HEAD_BYTES;
    putRunHead(this.#writer.bytes, open.offset, { ...run, byteLength });
    this.#changes.push({ kind: "run", run });
  }
}

const initialBytes = 256 * 1024;
