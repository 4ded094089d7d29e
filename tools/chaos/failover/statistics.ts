/** What a list of measurements comes to; in the unit of the measurements. */
export interface Distribution {
  readonly count: number;
  readonly median: number;
  readonly p99: number;
  readonly max: number;
}

/** By nearest rank, so that every figure is one that was measured. Zeros for none. */
export function distributionOf(values: readonly number[]): Distribution {
  const sorted = [...values].sort((a, b) => a - b);
  const rank = (share: number): number => {
    const at = Math.max(0, Math.ceil(share * sorted.length) - 1);
    return sorted[at] ?? 0;
  };
  return { count: sorted.length, median: rank(0.5), p99: rank(0.99), max: rank(1) };
}
