import type { BatchId, LogIndex } from "../ids.js";
import { invariant } from "../invariant.js";

/**
 * How far the own log is on the disk. Writes are acknowledged by batch number, never by position:
 * a position can be rewritten while an older write of it is still under way (scenario 18).
 *
 * The schedule that goes wrong otherwise: batch 1 writes index 5 of term 1; a new leader replaces
 * it, batch 2 writes index 5 of term 2; batch 1 completes; "5 is durable" would now be said of an
 * entry that is only in memory.
 */
export class Durability {
  #index: LogIndex;
  #batch = 0 as BatchId;
  #pending: { readonly batch: BatchId; claim: LogIndex }[] = [];

  constructor(durableIndex: LogIndex) {
    this.#index = durableIndex;
  }

  /**
   * Every entry up to here is durable with the term that the log in memory has for it, or a durable
   * snapshot holds what it did.
   */
  get index(): LogIndex {
    return this.#index;
  }

  /** The newest batch that is durable. */
  get batch(): BatchId {
    return this.#batch;
  }

  /** Batches handed out and not acknowledged yet. */
  get pendingCount(): number {
    return this.#pending.length;
  }

  /** Notes a batch that leaves for the disk; it makes the log durable up to `lastIndex`. */
  issued(batch: BatchId, lastIndex: LogIndex): void {
    const newest = this.#pending[this.#pending.length - 1]?.batch ?? this.#batch;
    invariant(batch > newest, () => `batch ${batch} issued after ${newest}`);
    this.#pending.push({ batch, claim: lastIndex });
  }

  /** The log in memory no longer has `index`: no earlier write may vouch for it any more. */
  truncatedFrom(index: LogIndex): void {
    const last = (index - 1) as LogIndex;
    if (this.#index > last) this.#index = last;
    for (const write of this.#pending) if (write.claim > last) write.claim = last;
  }

  /**
   * The log begins anew behind `base`, which a durable snapshot holds: no write that is under way
   * may vouch for what it wrote behind it (scenario 18).
   */
  reset(base: LogIndex): void {
    this.truncatedFrom((base + 1) as LogIndex);
    this.#index = base;
  }

  /** A durable snapshot holds the log's own entries up to here. */
  covered(index: LogIndex): void {
    if (index > this.#index) this.#index = index;
  }

  persisted(batch: BatchId): void {
    let done = 0;
    for (const write of this.#pending) {
      if (write.batch > batch) break;
      if (write.claim > this.#index) this.#index = write.claim;
      done++;
    }
    invariant(
      batch <= this.#batch || done > 0,
      () => `batch ${batch} acknowledged but never issued`,
    );
    if (done > 0) this.#pending.splice(0, done);
    if (batch > this.#batch) this.#batch = batch;
  }
}
