/** Counts by upper bound, the way Prometheus wants them: each bound includes those below it. */
export interface HistogramReading {
  /** `[bound in milliseconds, how many took at most so long]`. */
  readonly buckets: readonly (readonly [number, number])[];
  readonly count: number;
  readonly sumMs: number;
}

/** Durations by bounds that double, from a tenth of a millisecond to beyond half a minute. */
export class LatencyHistogram {
  readonly #counts = new Array<number>(boundsMs.length + 1).fill(0);
  #sumMs = 0;

  observe(durationMs: number, count = 1): void {
    const at = boundsMs.findIndex((bound) => durationMs <= bound);
    const place = at < 0 ? boundsMs.length : at;
    this.#counts[place] = (this.#counts[place] ?? 0) + count;
    this.#sumMs += durationMs * count;
  }

  reading(): HistogramReading {
    let count = 0;
    const buckets = boundsMs.map((bound, at) => {
      count += this.#counts[at] ?? 0;
      return [bound, count] as const;
    });
    return { buckets, count: count + (this.#counts.at(-1) ?? 0), sumMs: this.#sumMs };
  }
}

const boundsMs: readonly number[] = Array.from({ length: 20 }, (_, n) => 0.1 * 2 ** n);
