import {
  type BatchId,
  type Effects,
  type Entry,
  type Envelope,
  type HardState,
  LOG_ORIGIN,
  type LogId,
  type LogIndex,
  type Term,
} from "@d-engine/core";
import { at, batch } from "./messages.js";

interface Write {
  readonly batch: BatchId;
  readonly hardState: HardState | undefined;
  readonly reset: LogId | undefined;
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

/**
 * One node's disk: numbered batches become durable in order, when the test says so. The label of
 * its newest snapshot stands for the whole file.
 */
export class MemoryDisk {
  hardState: HardState | undefined;
  /** The position right before the first entry. */
  base: LogId = LOG_ORIGIN;
  /** Durable entries, from `base.index + 1` on. */
  entries: Entry[] = [];
  commitIndex = at(0);
  snapshot: LogId | undefined;
  #pending: Write[] = [];
  #durable = batch(0);

  get pendingCount(): number {
    return this.#pending.length;
  }

  get lastIndex(): LogIndex {
    return at(this.base.index + this.entries.length);
  }

  termAt(index: LogIndex): Term | undefined {
    if (index === this.base.index) return this.base.term;
    return this.entries[index - this.base.index - 1]?.term;
  }

  /** Durable entries `[from, to)`; `undefined` when they are not all there. */
  read(from: LogIndex, to: LogIndex): readonly Entry[] | undefined {
    if (from <= this.base.index) return undefined;
    return this.entries.slice(from - this.base.index - 1, to - this.base.index - 1);
  }

  /** Takes what a step wants written, and keeps back what must wait for it. */
  take(effects: Effects, commitIndex: LogIndex): readonly Envelope[] {
    const { hardState, append, resetLog: reset, sendAfterPersist } = effects;
    if (hardState !== undefined || append.length > 0 || reset !== undefined) {
      const write = { batch: effects.batch, hardState, reset, append, commitIndex };
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

  /** Gives up entries at or below `base`, which is in the log. */
  purge(base: LogId): void {
    if (base.index <= this.base.index) return;
    this.entries.splice(0, base.index - this.base.index);
    this.base = base;
  }

  /** Lays the snapshot over the log, as a start does (rule R9). */
  recover(): void {
    const label = this.snapshot;
    if (label === undefined) return;
    if (this.termAt(label.index) !== label.term) this.#begin(label);
    this.commitIndex = at(Math.max(this.commitIndex, label.index));
  }

  #begin(base: LogId): void {
    this.base = base;
    this.entries = [];
  }

  #keep(write: Write): void {
    if (write.hardState !== undefined) this.hardState = write.hardState;
    if (write.reset !== undefined) this.#begin(write.reset);
    const first = write.append[0];
    if (first !== undefined) {
      this.entries.length = first.index - this.base.index - 1;
      for (const entry of write.append) this.entries.push(entry);
    }
    this.commitIndex = at(Math.min(write.commitIndex, this.lastIndex));
  }
}
