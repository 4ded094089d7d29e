import {
  EngineError,
  invariant,
  isEngineError,
  type LogStoreListener,
  type LogWrite,
  type Timer,
} from "@d-engine/core";
import type { BatchAppender } from "./batch-appender.js";
import type { BatchQueue, FilledBatch } from "./batch-queue.js";
import type { LogContext } from "./log-context.js";
import type { SegmentPool } from "./segment-pool.js";

interface WriterParts {
  readonly context: LogContext;
  readonly queue: BatchQueue;
  readonly appender: BatchAppender;
  readonly pool: SegmentPool;
}

/**
 * Drives the writing: at most one write is under way, and what is queued meanwhile goes out
 * together in the next one (group commit, rule R8).
 *
 * The first failure is final: the listener hears of it once, and nothing is written or
 * acknowledged after it. A retried sync may succeed without the bytes being on the disk, as the
 * page cache forgets what it failed to write.
 */
export class LogWriter {
  readonly #parts: WriterParts;
  #listener: LogStoreListener | undefined;
  #state: "open" | "closing" | "failed" = "open";
  #isRunning = false;
  /** Ends with the newest loop of `#run`. */
  #run: Promise<void> = Promise.resolve();
  #sealTimer: Timer | undefined;
  #sealDue = false;
  #lastWriteMs = 0;

  constructor(parts: WriterParts) {
    this.#parts = parts;
  }

  start(listener: LogStoreListener): void {
    invariant(this.#listener === undefined, "a log store is started once");
    this.#listener = listener;
  }

  /**
   * Queues a write. After a failure it is dropped; the listener knows. Throws `CLOSED` after
   * `close`, and what `BatchQueue.push` throws.
   */
  write(write: LogWrite): void {
    invariant(this.#listener !== undefined, "write before start");
    if (this.#state === "failed") return;
    if (this.#state === "closing") throw new EngineError("CLOSED", "the log is closed");
    this.#parts.queue.push(write);
    this.#wake();
  }

  /** Ends the writing for good. The listener hears of it in a turn of its own. */
  fail(error: unknown): void {
    if (this.#state === "failed") return;
    this.#state = "failed";
    this.#sealTimer?.cancel();
    const listener = this.#listener;
    const reason = error instanceof Error ? error : new Error(String(error));
    this.#parts.context.clock.defer(() => listener?.failed(reason));
  }

  /** Writes what is queued and a seal. After that, and after a failure, there is nothing to do. */
  async close(): Promise<void> {
    this.#sealTimer?.cancel();
    if (this.#state === "open") {
      this.#state = "closing";
      this.#sealDue = true;
      this.#wake();
    }
    await this.#run;
  }

  #wake(): void {
    if (this.#isRunning) return;
    this.#isRunning = true;
    this.#run = this.#writeAll();
  }

  /** Writes until there is nothing left to write. */
  async #writeAll(): Promise<void> {
    try {
      let landed: FilledBatch | undefined;
      for (;;) {
        // The next write is under way before anyone hears of the last: what the listener does
        // with the news overlaps with it.
        const flight = this.#launch();
        if (landed !== undefined) this.#report(landed);
        if (flight === undefined && landed === undefined) break;
        landed = await flight?.landing;
        if (this.#state === "failed") break;
      }
    } catch (error) {
      this.#failUnlessRoomIsMissing(error);
    }
    this.#isRunning = false;
    this.#scheduleSeal();
  }

  #launch(): { readonly landing: Promise<FilledBatch | undefined> } | undefined {
    const { queue, appender, pool } = this.#parts;
    const filled = queue.take();
    if (filled !== undefined) {
      const written = appender.append(filled.builder, filled.commitIndex, pool);
      queue.refill();
      return { landing: this.#land(written, filled) };
    }
    if (!this.#sealDue) return undefined;
    this.#sealDue = false;
    if (!appender.canSeal) return undefined;
    return { landing: appender.seal(queue.commitIndex).then(() => undefined) };
  }

  async #land(written: Promise<void>, filled: FilledBatch): Promise<FilledBatch> {
    await written;
    this.#parts.queue.landed();
    return filled;
  }

  #report(landed: FilledBatch): void {
    if (landed.batch !== undefined) this.#listener?.persisted(landed.batch);
  }

  /** A log that is closed while it waits for room did not write, so it has not failed. */
  #failUnlessRoomIsMissing(error: unknown): void {
    if (this.#state === "closing" && isEngineError(error, "DISK_FULL")) return;
    this.fail(error);
  }

  /** One timer looks every `sealAfterMs` whether the log went idle; a timer a write costs more. */
  #scheduleSeal(): void {
    const { clock, sealAfterMs } = this.#parts.context;
    this.#lastWriteMs = clock.nowMs();
    if (this.#sealTimer !== undefined || this.#state !== "open") return;
    const check = (): void => {
      this.#sealTimer = undefined;
      if (this.#isRunning || this.#state !== "open") return;
      const waitMs = this.#lastWriteMs + sealAfterMs - clock.nowMs();
      if (waitMs > 0) {
        this.#sealTimer = clock.setTimer(waitMs, check);
        return;
      }
      this.#sealDue = this.#parts.appender.canSeal;
      if (this.#sealDue) this.#wake();
    };
    this.#sealTimer = clock.setTimer(sealAfterMs, check);
  }
}
