import type { BatchId, Effects, Entry, Envelope, HardState, LogIndex } from "@d-engine/core";
import { at, batch } from "./messages.js";

interface Write {
  readonly batch: BatchId;
  readonly hardState: HardState | undefined;
  readonly append: readonly Entry[];
  readonly commitIndex: LogIndex;
  /** Messages that rest on this batch. */
  readonly waiting: Envelope[];
}

/** What finished when writes reached the disk. */
export interface Completed {
  readonly batch: BatchId;
  readonly released: readonly Envelope[];
}

/** One node's disk: numbered batches become durable in order, when the test says so. */
export class MemoryDisk {
  hardState: HardState | undefined;
  /** Durable entries; the first has index 1. */
  entries: Entry[] = [];
  commitIndex = at(0);
  #pending: Write[] = [];
  #durable = batch(0);

  get pendingCount(): number {
    return this.#pending.length;
  }

  /** Takes what a step wants written, and keeps back what must wait for it. */
  take(effects: Effects, commitIndex: LogIndex): readonly Envelope[] {
    const { hardState, append, sendAfterPersist } = effects;
    if (hardState !== undefined || append.length > 0) {
      const write = { batch: effects.batch, hardState, append, commitIndex };
      this.#pending.push({ ...write, waiting: [...sendAfterPersist] });
      return [];
    }
    if (effects.batch <= this.#durable) return sendAfterPersist;
    this.#pending.find((write) => write.batch === effects.batch)!.waiting.push(...sendAfterPersist);
    return [];
  }

  /** Makes the oldest writes durable; `undefined` when there are none. */
  complete(count: number): Completed | undefined {
    const done = this.#pending.splice(0, count);
    for (const write of done) this.#keep(write);
    const last = done.at(-1);
    if (last === undefined) return undefined;
    this.#durable = last.batch;
    return { batch: last.batch, released: done.flatMap((write) => write.waiting) };
  }

  /** Power is lost: of the unfinished writes, the first `kept` made it, unknown to anybody. */
  crash(kept: number): void {
    for (const write of this.#pending.splice(0, kept)) this.#keep(write);
    this.#pending = [];
    this.#durable = batch(0);
  }

  #keep(write: Write): void {
    if (write.hardState !== undefined) this.hardState = write.hardState;
    const first = write.append[0];
    if (first !== undefined) {
      this.entries.length = first.index - 1;
      for (const entry of write.append) this.entries.push(entry);
    }
    this.commitIndex = at(Math.min(write.commitIndex, this.entries.length));
  }
}
