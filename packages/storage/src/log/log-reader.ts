import { decodeEntry, Slab } from "@d-engine/codec";
import { EngineError, type Entry, entryBytes, invariant, type LogIndex } from "@d-engine/core";
import { getUint32 } from "../format/little-endian.js";
import { ENTRY_LENGTH_BYTES, RUN_HEAD_BYTES } from "../format/records.js";
import { dataCorruption } from "../storage-errors.js";
import { readBatch } from "./batch-reader.js";
import type { LogContext } from "./log-context.js";
import type { LogMap, RunSlice } from "./log-map.js";
import type { PendingWrites } from "./pending-writes.js";
import type { Segment } from "./segment.js";
import { SegmentReader } from "./segment-reader.js";

/**
 * Reads entries back: durable ones from segments, checksums verified, the others from the queue.
 * One read after the other, so that all share one buffer and a purge can wait for them. Commands
 * are copies, so that keeping one does not keep the buffer.
 */
export class LogReader {
  readonly #context: LogContext;
  readonly #map: LogMap;
  readonly #pending: PendingWrites;
  readonly #slab = new Slab(slabBytes);
  /** Made by the first read: most logs are never read after the start. */
  #buffer: Uint8Array | undefined;
  #segment: Segment | undefined;
  #reader: SegmentReader | undefined;
  #turn: Promise<unknown> = Promise.resolve();

  constructor(context: LogContext, map: LogMap, pending: PendingWrites) {
    this.#context = context;
    this.#map = map;
    this.#pending = pending;
  }

  /** Entries `[from, to)` as they are at the time of the call; see `LogStore.read`. */
  async read(from: LogIndex, to: LogIndex, bytesMax: number): Promise<readonly Entry[]> {
    this.#checkRange(from, to);
    const pendingFrom = this.#pending.firstIndex();
    const durableTo = Math.min(to, pendingFrom) as LogIndex;
    // Both parts are fixed here and now; what is written or purged meanwhile changes neither.
    const slices = from < durableTo ? this.#map.slices(from, durableTo, bytesMax) : [];
    const restFrom = Math.max(from, durableTo) as LogIndex;
    const pending = restFrom < to ? this.#pending.entries(restFrom, to, bytesMax) : [];
    if (slices.length === 0) return pending;
    return this.exclusively(() => this.#readSlices(slices, pending, durableTo, bytesMax));
  }

  /** Runs `task` while nothing is read, after the reads that were asked for before. */
  exclusively<T>(task: () => Promise<T>): Promise<T> {
    const result = this.#turn.then(task);
    // Its caller hears of a failure; the next in line is not concerned.
    this.#turn = result.catch(() => undefined);
    return result;
  }

  #checkRange(from: LogIndex, to: LogIndex): void {
    const base = this.#pending.resetTo ?? this.#map.base;
    const first = Math.min(base.index + 1, this.#pending.firstIndex());
    const end = this.#pending.last + 1;
    if (from >= first && from < to && to <= end) return;
    throw new EngineError(
      "INVALID_REQUEST",
      `log entries [${from}, ${to}) asked for, [${first}, ${end}) are retained`,
    );
  }

  async #readSlices(
    slices: readonly RunSlice[],
    pending: readonly Entry[],
    durableTo: LogIndex,
    bytesMax: number,
  ): Promise<readonly Entry[]> {
    const entries: Entry[] = [];
    let bytes = 0;
    for (const slice of slices) {
      const batch = await this.#batch(slice);
      for (const entry of this.#entriesOf(slice, batch)) {
        bytes += entryBytes(entry);
        if (bytes > bytesMax && entries.length > 0) return entries;
        entries.push(entry);
      }
    }
    if (entries.at(-1)!.index + 1 < durableTo) return entries;
    for (const entry of pending) {
      bytes += entryBytes(entry);
      if (bytes > bytesMax) return entries;
      entries.push(entry);
    }
    return entries;
  }

  async #batch(slice: RunSlice): Promise<Uint8Array> {
    const { segment, place } = slice;
    const reader = this.#readerOf(segment);
    const expected = { nonce: segment.nonce, sequence: undefined };
    const limit = place.batchOffset + place.batchBytes;
    const { crc32 } = this.#context;
    const batch = await readBatch(reader, place.batchOffset, limit, expected, crc32);
    if (batch !== undefined) return batch.bytes;
    const what = `the batch with entry ${place.first} cannot be read back`;
    throw dataCorruption(segment.path, place.batchOffset, what);
  }

  #readerOf(segment: Segment): SegmentReader {
    if (this.#segment === segment && this.#reader !== undefined) return this.#reader;
    this.#buffer ??= new Uint8Array(Math.min(bufferBytes, this.#context.segmentBytes));
    this.#segment = segment;
    this.#reader = new SegmentReader(segment.path, segment.file, () => segment.end, this.#buffer);
    return this.#reader;
  }

  *#entriesOf(slice: RunSlice, batch: Uint8Array): Iterable<Entry> {
    const { segment, place, from, to } = slice;
    let at = place.runOffset + RUN_HEAD_BYTES;
    for (let index = place.first; index < to; index++) {
      const length = getUint32(batch, at);
      at += ENTRY_LENGTH_BYTES;
      if (index >= from) {
        const entry = decodeEntry(batch.subarray(at, at + length), this.#slab);
        invariant(entry.index === index, () => `${segment.path}: ${entry.index} read as ${index}`);
        yield entry;
      }
      at += length;
    }
  }
}

const bufferBytes = 1024 * 1024;
const slabBytes = 64 * 1024;
