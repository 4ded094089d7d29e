import type {
  Entry,
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
import type { LogContext } from "./log-context.js";
import type { LogMap } from "./log-map.js";
import { LogReader } from "./log-reader.js";
import { LogWriter } from "./log-writer.js";
import { PendingWrites } from "./pending-writes.js";
import { type RecoveredState, type RecoveryReports, recoverLog } from "./recover-log.js";
import { rewriteNewest } from "./rewrite-newest.js";
import type { Segment } from "./segment.js";
import { SegmentPool } from "./segment-pool.js";
import type { TermRuns } from "./term-runs.js";

/**
 * The durable log of one node (format: `log-format.ts`). Opened by `openFileLog`; holds a file
 * descriptor per retained segment.
 */
export class FileLog implements LogStore {
  readonly recovered: RecoveredLog;
  readonly #map: LogMap;
  readonly #terms: TermRuns;
  readonly #queue: BatchQueue;
  readonly #writer: LogWriter;
  readonly #reader: LogReader;
  readonly #pool: SegmentPool;
  readonly #removed: Segment[] = [];
  #listener: LogStoreListener | undefined;
  #closing: Promise<void> | undefined;

  /** `state` is what `recoverLog` found; `appender` has made its newest batch durable. */
  constructor(context: LogContext, state: RecoveredState, map: LogMap, appender: BatchAppender) {
    const { replay } = state;
    const { terms } = replay;
    const last = map.last;
    const commitIndex = Math.min(replay.commitIndex, last.index) as LogIndex;
    const { hardState } = replay;
    this.recovered = { hardState, base: map.base, last, commitIndex, termRuns: terms.toArray() };
    this.#map = map;
    this.#terms = terms;
    const pending = new PendingWrites(last.index);
    this.#queue = new BatchQueue({
      pending,
      terms,
      commitIndex,
      batchBytesMax: context.batchBytesMax,
      batchBytesLimit: context.segmentBytes - SEGMENT_OVERHEAD_BYTES,
    });
    this.#pool = new SegmentPool(
      context,
      {
        room: (available) => this.#listener?.room?.(available),
        failed: (error) => this.#writer.fail(error),
      },
      state.spares,
    );
    if (state.held !== undefined) this.#pool.adopt(state.held);
    this.#writer = new LogWriter({ context, queue: this.#queue, appender, pool: this.#pool });
    this.#reader = new LogReader(context, map, pending);
  }

  /** Segments of the log and the one that stands ready; spares are room, not log. */
  get bytes(): number {
    const bytes = this.#pool.held?.bytes ?? 0;
    return this.#map.segments.reduce((sum, segment) => sum + segment.bytes, bytes);
  }

  start(listener: LogStoreListener): void {
    this.#writer.start(listener);
    this.#listener = listener;
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
    return this.#map.purgePoint(upTo, tailBytes, (index) => this.#terms.termAt(index));
  }

  /**
   * Frees whole segments, oldest first and each durably before the next, so that no crash leaves
   * a gap. The current segment stays, whatever it holds.
   */
  async purge(upTo: LogId): Promise<void> {
    const removed = this.#map.purge(upTo.index, (index) => this.#terms.termAt(index));
    if (removed.length > 0) this.#terms.dropUpTo(this.#map.base);
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

/**
 * Opens the log in `context.directory`, which `createLog` has made. Its end is durable when the
 * promise resolves. Rejects with `DATA_CORRUPTION`, `VERSION_MISMATCH` or `STORAGE_IO_ERROR`.
 */
export async function openFileLog(context: LogContext, reports: RecoveryReports): Promise<FileLog> {
  const state = await recoverLog(context, reports);
  try {
    const { map, appender } = await rewriteNewest(context, state);
    return new FileLog(context, state, map, appender);
  } catch (error) {
    for (const segment of state.replay.map?.segments ?? []) await segment.file.close();
    await state.held?.file.close();
    throw error;
  }
}
