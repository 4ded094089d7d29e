import type {
  Entry,
  HardState,
  LogId,
  LogIndex,
  LogStore,
  LogStoreListener,
  LogWrite,
  RecoveredLog,
} from "@d-engine/core";
import { SEGMENT_OVERHEAD_BYTES } from "../format/log-format.js";
import type { BatchAppender } from "./batch-appender.js";
import { BatchQueue } from "./batch-queue.js";
import { type CoveringSnapshot, laySnapshot } from "./lay-snapshot.js";
import type { LogContext } from "./log-context.js";
import type { LogMap } from "./log-map.js";
import { LogReader } from "./log-reader.js";
import { LogWriter } from "./log-writer.js";
import { PendingWrites } from "./pending-writes.js";
import { type RecoveryReports, recoverLog } from "./recover-log.js";
import { rewriteNewest } from "./rewrite-newest.js";
import type { Segment } from "./segment.js";
import { SegmentPool } from "./segment-pool.js";
import { TermRuns } from "./term-runs.js";

/**
 * The durable log of one node (format: `log-format.ts`). Opened by `openFileLog`; holds a file
 * descriptor per retained segment.
 */
export class FileLog implements LogStore {
  readonly recovered: RecoveredLog;
  readonly #map: LogMap;
  /** Terms of the log as handed over for writing, which may be ahead of the durable one. */
  readonly #encodedTerms: TermRuns;
  readonly #queue: BatchQueue;
  readonly #writer: LogWriter;
  readonly #reader: LogReader;
  readonly #pool: SegmentPool;
  readonly #removed: Segment[] = [];
  #closing: Promise<void> | undefined;

  constructor(context: LogContext, parts: OpenedLog) {
    const { map, pool, hardState, commitIndex } = parts;
    const { base, last, terms } = map;
    this.recovered = { hardState, base, last, commitIndex, termRuns: terms.toArray() };
    this.#map = map;
    this.#encodedTerms = new TermRuns(base, terms.toArray());
    const pending = new PendingWrites(last.index);
    this.#queue = new BatchQueue({
      pending,
      terms: this.#encodedTerms,
      commitIndex,
      batchBytesMax: context.batchBytesMax,
      batchBytesLimit: context.segmentBytes - SEGMENT_OVERHEAD_BYTES,
    });
    this.#pool = pool;
    this.#writer = new LogWriter({ context, queue: this.#queue, appender: parts.appender, pool });
    this.#reader = new LogReader(context, map, pending);
  }

  /** Segments of the log and the one that stands ready; spares are room, not log. */
  get bytes(): number {
    const bytes = this.#pool.held?.bytes ?? 0;
    return this.#map.segments.reduce((sum, segment) => sum + segment.bytes, bytes);
  }

  start(listener: LogStoreListener): void {
    this.#writer.start(listener);
    this.#pool.start({
      room: (available) => listener.room?.(available),
      failed: (error) => this.#writer.fail(error),
    });
    this.#pool.prepare(this.#map.current.ordinal + 1);
  }

  write(write: LogWrite): void {
    this.#writer.write(write);
  }

  committed(index: LogIndex): void {
    this.#queue.committed(index);
  }

  read(from: LogIndex, to: LogIndex, bytesMax: number): Promise<readonly Entry[]> {
    return this.#reader.read(from, to, bytesMax);
  }

  purgePoint(upTo: LogIndex, tailBytes: number): LogId | undefined {
    return this.#map.purgePoint(upTo, tailBytes);
  }

  /**
   * Frees whole segments, oldest first and each durably before the next, so that no crash leaves
   * a gap. The current segment stays, whatever it holds.
   */
  async purge(upTo: LogId): Promise<void> {
    const removed = this.#map.purge(upTo.index);
    if (removed.length > 0) this.#encodedTerms.dropUpTo(this.#map.base);
    this.#removed.push(...removed);
    await this.#reader.exclusively(async () => {
      for (let segment = this.#removed[0]; segment !== undefined; segment = this.#removed[0]) {
        await this.#pool.recycle(segment);
        this.#removed.shift();
      }
    });
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    this.#pool.drain();
    await this.#writer.close();
    await this.#pool.close();
    await this.#reader.exclusively(async () => {
      for (const segment of this.#map.segments) await segment.file.close();
    });
  }
}

/** A log that was read back, and whose end is durable. */
interface OpenedLog {
  readonly map: LogMap;
  readonly appender: BatchAppender;
  readonly pool: SegmentPool;
  readonly hardState: HardState | undefined;
  readonly commitIndex: LogIndex;
}

/**
 * Opens the log in `context.directory`, which `createLog` has made, and lays `snapshot` over it.
 * Its end is durable when the promise resolves. Rejects with `DATA_CORRUPTION`,
 * `VERSION_MISMATCH` or `STORAGE_IO_ERROR`.
 */
export async function openFileLog(
  context: LogContext,
  reports: RecoveryReports,
  snapshot: CoveringSnapshot | undefined,
): Promise<FileLog> {
  const state = await recoverLog(context, reports);
  const pool = new SegmentPool(context, state.spares);
  if (state.held !== undefined) pool.adopt(state.held);
  try {
    const { map, appender } = await rewriteNewest(context, state);
    const { directory } = context;
    const parts = { directory, map, appender, pool, hardState: state.replay.hardState };
    const hardState = await laySnapshot(parts, snapshot);
    // Whatever is given up was committed, and a snapshot holds what was committed.
    const covered = Math.max(map.base.index, snapshot?.lastIncluded.index ?? 0);
    const known = Math.min(state.replay.commitIndex, map.last.index);
    const commitIndex = Math.max(covered, known) as LogIndex;
    return new FileLog(context, { map, appender, pool, hardState, commitIndex });
  } catch (error) {
    await pool.close();
    for (const segment of state.replay.map?.segments ?? []) await segment.file.close();
    throw error;
  }
}
