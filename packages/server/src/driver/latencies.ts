import { Fifo } from "./fifo.js";
import { type HistogramReading, LatencyHistogram } from "./latency-histogram.js";

/** How long things take, in milliseconds, since the start of a node. */
export interface LatencyReadings {
  /** From handing a batch to the log until it is durable. */
  readonly sync: HistogramReading;
  /** From taking up commands as the leader until they are applied here, once for each entry. */
  readonly commit: HistogramReading;
}

/**
 * Measures batches, not calls: one number per batch is kept, so that a node with a thousand callers
 * pays for it as one with a single caller does.
 */
export class Latencies {
  readonly #sync = new LatencyHistogram();
  readonly #commit = new LatencyHistogram();
  /** Batches that are not durable yet, and entries that are not applied yet, the oldest first. */
  readonly #batches = new Fifo<{ readonly batch: number; readonly sinceMs: number }>();
  readonly #entries = new Fifo<{
    readonly last: number;
    readonly count: number;
    readonly sinceMs: number;
  }>();

  readings(): LatencyReadings {
    return { sync: this.#sync.reading(), commit: this.#commit.reading() };
  }

  /** How long the log has been at work on the oldest batch that is not durable; 0 when idle. */
  diskWaitMs(nowMs: number): number {
    const oldest = this.#batches.peek();
    return oldest === undefined ? 0 : Math.max(0, nowMs - oldest.sinceMs);
  }

  written(batch: number, nowMs: number): void {
    this.#batches.push({ batch, sinceMs: nowMs });
  }

  /** All batches up to this one are durable. */
  persisted(batch: number, nowMs: number): void {
    for (let oldest = this.#batches.peek(); oldest !== undefined; oldest = this.#batches.peek()) {
      if (oldest.batch > batch) return;
      this.#sync.observe(nowMs - oldest.sinceMs);
      this.#batches.shift();
    }
  }

  /** A leader has taken up `count` commands; the last is the entry `last`. */
  proposed(last: number, count: number, nowMs: number): void {
    this.#entries.push({ last, count, sinceMs: nowMs });
  }

  applied(upTo: number, nowMs: number): void {
    for (let oldest = this.#entries.peek(); oldest !== undefined; oldest = this.#entries.peek()) {
      if (oldest.last > upTo) return;
      this.#commit.observe(nowMs - oldest.sinceMs, oldest.count);
      this.#entries.shift();
    }
  }

  /** It leads no more: what it proposed may never be applied, and is another's to measure. */
  deposed(): void {
    this.#entries.retain(() => false);
  }
}
