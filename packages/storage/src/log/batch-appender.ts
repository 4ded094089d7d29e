import { type HardState, invariant, type LogIndex } from "@d-engine/core";
import type { BatchBuilder } from "../format/batch-builder.js";
import { type BatchKind, type Nonce, sealBatch } from "../format/batch-header.js";
import { BATCH_HEADER_BYTES, SECTOR_BYTES } from "../format/log-format.js";
import { putSegmentRecord, SEGMENT_RECORD_BYTES, segmentRecord } from "../format/records.js";
import { naming } from "../storage-errors.js";
import { drawNonce, type LogContext } from "./log-context.js";
import type { LogMap } from "./log-map.js";
import { type HeldSegment, Segment } from "./segment.js";
import type { SegmentPool } from "./segment-pool.js";

/** Where the next batch goes; what recovery found, or a new log begins with. */
export interface WritePosition {
  readonly nextSequence: number;
  readonly hardState: HardState | undefined;
  /** The newest commit index on the disk. */
  readonly commitIndex: LogIndex;
  /** Kind of the newest batch on the disk. */
  readonly newest: BatchKind;
}

/**
 * Puts batches behind each other into segments, one at a time: a caller waits for each promise
 * before the next call. A batch is durable, and part of the map, when its promise resolves. After
 * a rejection nothing more may be written.
 */
export class BatchAppender {
  readonly #context: LogContext;
  readonly #map: LogMap;
  /** One sector for batches without records; at most one write is under way. */
  readonly #control = new Uint8Array(SECTOR_BYTES);
  #sequence: number;
  #hardState: HardState | undefined;
  #newest: BatchKind;
  #commitIndex: LogIndex;

  constructor(context: LogContext, map: LogMap, position: WritePosition) {
    this.#context = context;
    this.#map = map;
    this.#sequence = position.nextSequence;
    this.#hardState = position.hardState;
    this.#newest = position.newest;
    this.#commitIndex = position.commitIndex;
  }

  get newest(): BatchKind {
    return this.#newest;
  }

  /** Writes what `builder` gathered as one batch, in the next segment of `pool` if need be. */
  async append(builder: BatchBuilder, commitIndex: LogIndex, pool: SegmentPool): Promise<void> {
    const bytes = builder.byteLength;
    if (this.#newest === "roll" || !this.#map.current.hasRoomFor(bytes)) {
      await this.roll(pool);
    }
    const segment = this.#map.current;
    invariant(segment.hasRoomFor(bytes), `a batch of ${bytes} bytes exceeds ${segment.path}`);
    const { nonce } = segment;
    const sequence = this.#sequence;
    builder.finish({ kind: "data", nonce, sequence, commitIndex }, this.#context.crc32);
    await this.#write(segment, builder.bytes, bytes);
    const offset = segment.end;
    this.#advance(segment, bytes, "data");
    this.#commitIndex = commitIndex;
    if (builder.hardState !== undefined) this.#hardState = builder.hardState;
    for (const change of builder.changes) this.#map.apply(change, { offset, bytes });
  }

  /** Whether a seal would add anything and has a place. */
  get canSeal(): boolean {
    return this.#newest !== "seal" && this.#newest !== "roll" && this.#hasRoomForSeal;
  }

  /**
   * Writes an empty batch, so that the newest one is followed by something valid. `commitIndex`
   * may be newer than that of the last batch, as every entry it speaks about is on the disk.
   */
  async seal(commitIndex: LogIndex): Promise<void> {
    this.#commitIndex = commitIndex;
    await this.#appendControl("seal", BATCH_HEADER_BYTES);
  }

  /** Ends the current segment and begins the next, once `pool` has it ready. */
  async roll(pool: SegmentPool): Promise<void> {
    const held = await pool.take();
    // Only now: a roll says that the file of the next segment exists for good.
    if (this.#newest !== "roll") {
      await this.#appendControl("roll", BATCH_HEADER_BYTES);
    }
    await this.begin(held, this.#map.current.nextNonce);
    pool.prepare(held.ordinal + 1);
  }

  /** Makes `held` the current segment: durable first batch, then part of the map. */
  async begin(held: HeldSegment, nonce: Nonce): Promise<void> {
    const position = this.#map.last;
    const nextNonce = drawNonce(this.#context);
    const segment = new Segment(held, { nonce, nextNonce, position });
    const record = segmentRecord({
      ordinal: held.ordinal,
      nextNonce,
      segmentBytes: held.bytes,
      position,
      hardState: this.#hardState,
    });
    putSegmentRecord(this.#control, BATCH_HEADER_BYTES, record);
    this.#map.segments.push(segment);
    const end = BATCH_HEADER_BYTES + SEGMENT_RECORD_BYTES;
    await this.#appendControl("segment", end);
  }

  get #hasRoomForSeal(): boolean {
    return this.#map.current.hasRoomFor(SECTOR_BYTES);
  }

  /**
   * With the commit index of the batches that are on the disk already, never of one that comes:
   * after a crash before that one, the index would speak about the entries it was to replace.
   */
  async #appendControl(kind: BatchKind, end: number): Promise<void> {
    const segment = this.#map.current;
    const commitIndex = this.#commitIndex;
    const stamp = { kind, nonce: segment.nonce, sequence: this.#sequence, commitIndex };
    const bytes = sealBatch(this.#control, end, stamp, this.#context.crc32);
    await this.#write(segment, this.#control, bytes);
    this.#advance(segment, bytes, kind);
  }

  #write(segment: Segment, source: Uint8Array, bytes: number): Promise<void> {
    return naming("writing", segment.path, () => segment.file.write(source, 0, bytes, segment.end));
  }

  #advance(segment: Segment, bytes: number, kind: BatchKind): void {
    segment.end += bytes;
    this.#sequence++;
    this.#newest = kind;
  }
}
