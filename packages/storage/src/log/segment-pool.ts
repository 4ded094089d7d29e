import { EngineError, type Timer } from "@d-engine/core";
import { errnoOf, isNoSpace, naming, storageError } from "../storage-errors.js";
import type { LogContext } from "./log-context.js";
import type { HeldSegment } from "./segment.js";
import { PREPARE_NAME, segmentName, spareName } from "./segment-name.js";
import { zeroFill } from "./zero-fill.js";

/** Hears about what happens to the supply of segments. */
export interface SegmentPoolListener {
  /** A disk without space was met (`false`), or has room again (`true`). */
  room(available: boolean): void;
  /** The disk failed for another reason. */
  failed(error: Error): void;
}

/**
 * Keeps one segment ready for when the current one is full, so that a roll does not wait and a
 * full disk is noticed a whole segment ahead (rule R10). Purged segments are kept as spares, up to
 * a bound, and spare the zero-filling; what exceeds the bound is deleted.
 */
export class SegmentPool {
  readonly #context: LogContext;
  #listener: SegmentPoolListener | undefined;
  /** Ordinals of purged files, oldest first; their content is any. */
  #spares: number[];
  #held: HeldSegment | undefined;
  #preparing: Promise<void> | undefined;
  #taker: { resolve(held: HeldSegment): void; reject(error: Error): void } | undefined;
  #hasRoom = true;
  #draining = false;
  #closed = false;
  #failure: Error | undefined;
  #wake: (() => void) | undefined;

  constructor(context: LogContext, spares: readonly number[]) {
    this.#context = context;
    this.#spares = [...spares];
  }

  /** Names who hears of what happens, and tells what has happened already. Called once. */
  start(listener: SegmentPoolListener): void {
    this.#listener = listener;
    if (!this.#hasRoom) listener.room(false);
    if (this.#failure !== undefined) listener.failed(this.#failure);
  }

  /** The segment that stands ready. */
  get held(): HeldSegment | undefined {
    return this.#held;
  }

  /** Takes over a segment that an earlier run left ready. */
  adopt(held: HeldSegment): void {
    this.#held = held;
  }

  /**
   * Has the segment `ordinal` ready when the promise resolves. Unlike `prepare` it does not wait
   * for a full disk to get room.
   */
  async provide(ordinal: number): Promise<void> {
    if (this.#held !== undefined) return;
    this.#held = await naming("preparing a segment in", this.#directory, () => this.#make(ordinal));
  }

  /** Starts making the segment `ordinal` ready, unless it is. */
  prepare(ordinal: number): void {
    if (this.#held !== undefined || this.#preparing !== undefined || this.#closed) return;
    this.#preparing = this.#prepareUntilDone(ordinal).finally(() => {
      this.#preparing = undefined;
    });
  }

  /**
   * Hands out the segment that `prepare` was called for, when it is ready: after as long as the
   * disk has no room for it. Rejects with `DISK_FULL` when that must not be waited for any more,
   * and with what `failed` was told when there will be none.
   */
  take(): Promise<HeldSegment> {
    const held = this.#held;
    if (held !== undefined) {
      this.#held = undefined;
      return Promise.resolve(held);
    }
    if (this.#failure !== undefined) return Promise.reject(this.#failure);
    if (this.#closed || (this.#draining && !this.#hasRoom)) return Promise.reject(this.#noRoom());
    return new Promise((resolve, reject) => {
      this.#taker = { resolve, reject };
    });
  }

  /** Turns a purged segment into a spare, or deletes it. Durable when the promise resolves. */
  async recycle(segment: HeldSegment): Promise<void> {
    const { directory, fileSystem, spareSegmentsMax, segmentBytes } = this.#context;
    const keep = this.#spares.length < spareSegmentsMax && segment.bytes === segmentBytes;
    await naming("purging", segment.path, async () => {
      await segment.file.close();
      if (keep) {
        await fileSystem.rename(segment.path, `${directory}/${spareName(segment.ordinal)}`);
      } else {
        await fileSystem.unlink(segment.path);
      }
      await fileSystem.syncDirectory(directory);
    });
    if (keep) this.#spares.push(segment.ordinal);
    this.#wake?.();
  }

  /** From now on nobody is kept waiting for a full disk to get room. */
  drain(): void {
    this.#draining = true;
    if (!this.#hasRoom) this.#rejectTaker();
  }

  /** Stops preparing and closes what is held; the files stay. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#wake?.();
    await this.#preparing;
    this.#rejectTaker();
    await this.#held?.file.close();
    this.#held = undefined;
  }

  async #prepareUntilDone(ordinal: number): Promise<void> {
    let delayMs = retryMinMs;
    while (!this.#closed) {
      try {
        const held = await this.#make(ordinal);
        if (held !== undefined) this.#deliver(held);
        return;
      } catch (error) {
        if (!isNoSpace(error)) {
          this.#fail(storageError("preparing a segment in", this.#directory, error));
          return;
        }
      }
      this.#tellRoom(false);
      if (this.#draining) this.#rejectTaker();
      await this.#pause(delayMs);
      delayMs = Math.min(delayMs * 2, retryMaxMs);
    }
  }

  #deliver(held: HeldSegment): void {
    const taker = this.#taker;
    this.#taker = undefined;
    if (taker !== undefined) {
      // Used at once, so whether there is room shows with the one after it.
      taker.resolve(held);
      return;
    }
    this.#held = held;
    this.#tellRoom(true);
  }

  /** `undefined` when the pool was closed meanwhile. */
  async #make(ordinal: number): Promise<HeldSegment | undefined> {
    const { directory, fileSystem, segmentBytes } = this.#context;
    const path = `${directory}/${segmentName(ordinal)}`;
    const spare = this.#spares[0];
    if (spare !== undefined) {
      await fileSystem.rename(`${directory}/${spareName(spare)}`, path);
      this.#spares.shift();
    } else if (!(await this.#fill(`${directory}/${PREPARE_NAME}`, path))) {
      return undefined;
    }
    // Before the first use: a crash must not take away the name of a file that holds entries.
    await fileSystem.syncDirectory(directory);
    const file = await fileSystem.open(path, { access: "readWrite", durable: true });
    return { ordinal, path, file, bytes: segmentBytes };
  }

  /** Makes a new file of zeros at `path`. Leaves nothing behind when there is no space for it. */
  async #fill(temporary: string, path: string): Promise<boolean> {
    const { fileSystem, segmentBytes } = this.#context;
    try {
      const done = await zeroFill(fileSystem, temporary, segmentBytes, () => this.#closed);
      if (!done) return false;
      await fileSystem.rename(temporary, path);
      return true;
    } catch (error) {
      if (isNoSpace(error)) await this.#discard(temporary);
      throw error;
    }
  }

  /** A part of a segment must not sit on the space that others need. */
  async #discard(temporary: string): Promise<void> {
    try {
      await this.#context.fileSystem.unlink(temporary);
    } catch (error) {
      if (errnoOf(error) !== "ENOENT") throw error;
    }
  }

  #fail(error: Error): void {
    this.#failure = error;
    this.#taker?.reject(error);
    this.#taker = undefined;
    this.#listener?.failed(error);
  }

  #tellRoom(available: boolean): void {
    if (this.#hasRoom === available) return;
    this.#hasRoom = available;
    this.#listener?.room(available);
  }

  /** Ends after `delayMs`, or at once when a spare arrives or the pool is closed. */
  #pause(delayMs: number): Promise<void> {
    if (this.#closed || this.#spares.length > 0) return Promise.resolve();
    return new Promise((resolve) => {
      const timer: Timer = this.#context.clock.setTimer(delayMs, () => this.#wake?.());
      this.#wake = () => {
        this.#wake = undefined;
        timer.cancel();
        resolve();
      };
    });
  }

  #rejectTaker(): void {
    this.#taker?.reject(this.#noRoom());
    this.#taker = undefined;
  }

  #noRoom(): EngineError {
    return new EngineError(
      "DISK_FULL",
      `no room for another log segment of ${this.#context.segmentBytes} bytes in ${this.#directory}`,
    );
  }

  get #directory(): string {
    return this.#context.directory;
  }
}

const retryMinMs = 100;
const retryMaxMs = 5_000;
