import type { Clock } from "@d-engine/core";

/** Revisions that are remembered for the time of retention: how exactly ages are known. */
const samplesMax = 16;

interface Sample {
  readonly revision: number;
  readonly atMs: number;
}

/**
 * How old revisions are, by the monotonic clock of this node, counted from when they were seen
 * here: history is never given up sooner than promised, and after a start somewhat later.
 */
export class HistoryAge {
  readonly #clock: Clock;
  readonly #retentionMs: number;
  /** Ascending; the first may be older than the retention. */
  readonly #samples: Sample[] = [];

  /** `retentionMs` 0: for ever. */
  constructor(clock: Clock, retentionMs: number) {
    this.#clock = clock;
    this.#retentionMs = retentionMs;
  }

  /** Takes note of the newest revision. Called every now and then. */
  see(revision: number): void {
    if (this.#retentionMs === 0) return;
    const atMs = this.#clock.nowMs();
    const last = this.#samples.at(-1);
    if (last !== undefined && revision === last.revision) return;
    if (last !== undefined && atMs - last.atMs < this.#retentionMs / samplesMax) return;
    this.#samples.push({ revision, atMs });
  }

  /** The newest revision known to be as old as the retention; 0 when none is. */
  get retired(): number {
    const upToMs = this.#clock.nowMs() - this.#retentionMs;
    const isOld = (sample: Sample | undefined) => sample !== undefined && sample.atMs <= upToMs;
    while (isOld(this.#samples[1])) this.#samples.shift();
    const [first] = this.#samples;
    return first !== undefined && first.atMs <= upToMs ? first.revision : 0;
  }
}
