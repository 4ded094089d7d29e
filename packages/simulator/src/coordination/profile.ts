/** How much of a run's load uses history, watches and leases. Times in milliseconds. */
export interface CoordinationProfile {
  /** Programs, each with its own production client over a simulated transport. */
  readonly programs: number;
  /** Watches that each of them has open at a time. */
  readonly watches: number;
  /** Mean pause between two operations of one program. */
  readonly thinkMs: number;
  /** The shortest and the longest time to live that is asked for. */
  readonly ttlMs: readonly [number, number];
  /** Chance that an operation is a compaction. */
  readonly compactChance: number;
}
