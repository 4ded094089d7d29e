/** Latencies of one run, exact: every value is kept, up to a bound. */
export class Latencies {
  readonly #millis: Float64Array;
  #count = 0;

  constructor(countMax: number) {
    this.#millis = new Float64Array(countMax);
  }

  /** Values beyond the bound are dropped; `count` says how many are kept. */
  add(millis: number): void {
    if (this.#count < this.#millis.length) this.#millis[this.#count++] = millis;
  }

  get count(): number {
    return this.#count;
  }

  clear(): void {
    this.#count = 0;
  }

  /** The smallest value that at least `fraction` of all values do not exceed; 0 when empty. */
  percentiles(fractions: readonly number[]): number[] {
    const sorted = this.#millis.slice(0, this.#count).sort();
    return fractions.map((fraction) => sorted[Math.ceil(fraction * sorted.length) - 1] ?? 0);
  }
}

/** The middle value, or the mean of the two in the middle. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  const upper = sorted[middle] ?? Number.NaN;
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? Number.NaN) + upper) / 2;
}

/** Distance from smallest to largest as a fraction of the median. */
export function spread(values: readonly number[]): number {
  return (Math.max(...values) - Math.min(...values)) / median(values);
}
