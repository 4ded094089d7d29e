import type { HardState, LogIndex } from "@d-engine/core";
import type { LogChange } from "../format/batch-builder.js";
import { type BatchKind, batchBytes, looksLikeBatch, type Nonce } from "../format/batch-header.js";
import { BATCH_HEADER_BYTES } from "../format/log-format.js";
import { getSegmentRecord, type SegmentRecord } from "../format/records.js";
import { dataCorruption } from "../storage-errors.js";
import { type CheckedBatch, readBatch } from "./batch-reader.js";
import { readDataRecords } from "./data-records.js";
import type { LogContext } from "./log-context.js";
import { LogMap } from "./log-map.js";
import { type HeldSegment, Segment } from "./segment.js";
import type { SegmentReader } from "./segment-reader.js";

/** The newest valid batch, and where it stands. */
export interface NewestBatch {
  readonly kind: BatchKind;
  readonly sequence: number;
  readonly offset: number;
  readonly bytes: number;
}

/** How the replay of one segment ended. */
export type SegmentEnd =
  /** The segment is complete; the next one follows. */
  | { readonly kind: "roll" }
  /** No valid batch stands at `offset`; `looksTorn` when there are signs of one. */
  | { readonly kind: "tail"; readonly offset: number; readonly looksTorn: boolean };

/**
 * Rebuilds what the log says from its batches, in order (rule R9). A run of entries replaces what
 * is there from its first index on, also at or below the base; a reset makes all of it void.
 */
export class LogReplay {
  readonly #context: LogContext;
  #map: LogMap | undefined;
  #hardState: HardState | undefined;
  #commitIndex = 0 as LogIndex;
  #newest: NewestBatch | undefined;

  constructor(context: LogContext) {
    this.#context = context;
  }

  /** `undefined` until a segment was replayed. */
  get map(): LogMap | undefined {
    return this.#map;
  }

  get hardState(): HardState | undefined {
    return this.#hardState;
  }

  /** The newest one that a batch names; may exceed the last entry. */
  get commitIndex(): LogIndex {
    return this.#commitIndex;
  }

  get newest(): NewestBatch | undefined {
    return this.#newest;
  }

  /** The sequence number that the next batch must have; `undefined` before the first. */
  get nextSequence(): number | undefined {
    return this.#newest === undefined ? undefined : this.#newest.sequence + 1;
  }

  /** Replays one segment, the one after those before. */
  async replay(
    file: HeldSegment,
    reader: SegmentReader,
    onOffset: (offset: number) => void,
  ): Promise<SegmentEnd> {
    const nonce = this.#map?.current.nextNonce;
    const first = await this.#read(reader, 0, file.bytes, nonce);
    if (first === undefined) return this.#tail(reader, 0, nonce);
    const segment = this.#begin(file, first);
    let offset = segment.end;
    while (this.#newest?.kind !== "roll") {
      const batch = await this.#read(reader, offset, file.bytes, segment.nonce);
      if (batch === undefined) return this.#tail(reader, offset, segment.nonce);
      this.#apply(segment, batch);
      offset = segment.end;
      onOffset(offset);
    }
    return { kind: "roll" };
  }

  #read(
    reader: SegmentReader,
    offset: number,
    limit: number,
    nonce: Nonce | undefined,
  ): Promise<CheckedBatch | undefined> {
    const expected = { nonce, sequence: this.nextSequence };
    return readBatch(reader, offset, limit, expected, this.#context.crc32);
  }

  #tail(reader: SegmentReader, offset: number, nonce: Nonce | undefined): SegmentEnd {
    const looksTorn =
      nonce !== undefined &&
      reader.has(offset, BATCH_HEADER_BYTES) &&
      looksLikeBatch(reader.view(offset, BATCH_HEADER_BYTES), 0, nonce);
    return { kind: "tail", offset, looksTorn };
  }

  #begin(file: HeldSegment, batch: CheckedBatch): Segment {
    const { header, bytes } = batch;
    if (header.kind !== "segment") {
      throw dataCorruption(file.path, 0, `it begins with a batch of kind '${header.kind}'`);
    }
    const record = getSegmentRecord(bytes, BATCH_HEADER_BYTES);
    this.#checkRecord(file, record);
    this.#map ??= new LogMap(record.position);
    const { nextNonce, position } = record;
    const segment = new Segment(file, { nonce: header.nonce, nextNonce, position });
    this.#map.segments.push(segment);
    // The newest one known: it covers what stood in segments that are purged by now.
    this.#hardState = record.hardState;
    this.#advance(segment, batch);
    return segment;
  }

  /** A file that was copied, renamed or cut is not the segment that its name promises. */
  #checkRecord(file: HeldSegment, record: SegmentRecord): void {
    if (record.ordinal !== file.ordinal) {
      throw dataCorruption(file.path, 0, `it holds segment ${record.ordinal}`);
    }
    if (record.segmentBytes !== file.bytes) {
      const sizes = `it has ${file.bytes} bytes, not ${record.segmentBytes}`;
      throw dataCorruption(file.path, file.bytes, sizes);
    }
    const last = this.#map?.last;
    if (last === undefined) return;
    const { index, term } = record.position;
    if (index === last.index && term === last.term) return;
    const positions = `(${index}, ${term}), the log before it at (${last.index}, ${last.term})`;
    throw dataCorruption(file.path, 0, `it begins at index and term ${positions}`);
  }

  #apply(segment: Segment, batch: CheckedBatch): void {
    const offset = segment.end;
    if (batch.header.kind === "segment") {
      throw dataCorruption(segment.path, offset, "a second beginning of the segment");
    }
    this.#advance(segment, batch);
    if (batch.header.kind !== "data") return;
    const place = { offset, bytes: batch.bytes.length };
    const records = readDataRecords(batch.bytes, batch.header.payloadBytes);
    if (records === undefined) {
      throw dataCorruption(segment.path, offset, "its records do not add up");
    }
    for (const change of records.changes) this.#change(segment, change, place);
    this.#hardState = records.hardState ?? this.#hardState;
  }

  #change(segment: Segment, change: LogChange, place: { offset: number; bytes: number }): void {
    const map = this.#map!;
    if (change.kind === "run" && change.run.first > map.last.index + 1) {
      const gap = `entry ${change.run.first} follows entry ${map.last.index}`;
      throw dataCorruption(segment.path, place.offset, gap);
    }
    map.apply(change, place);
  }

  #advance(segment: Segment, batch: CheckedBatch): void {
    const { kind, sequence, commitIndex } = batch.header;
    const bytes = batchBytes(batch.header);
    this.#newest = { kind, sequence, offset: segment.end, bytes };
    segment.end += bytes;
    if (commitIndex > this.#commitIndex) this.#commitIndex = commitIndex as LogIndex;
  }
}
