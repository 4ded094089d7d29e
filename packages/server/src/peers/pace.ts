/**
 * Spreads bytes over time, so that a snapshot leaves room for heartbeats and entries. What was not
 * used may be used later, but no more than a tenth of a second of it.
 */
export class Pace {
  readonly #bytesPerSecond: number;
  readonly #nowMs: () => number;
  /** When the bytes taken so far may all have been sent. */
  #paidUntilMs = Number.NEGATIVE_INFINITY;

  /** `Infinity` does not slow down at all. */
  constructor(bytesPerSecond: number, nowMs: () => number) {
    this.#bytesPerSecond = bytesPerSecond;
    this.#nowMs = nowMs;
  }

  /** Takes the bytes; milliseconds to wait before they are sent. */
  take(bytes: number): number {
    const now = this.#nowMs();
    const from = Math.max(this.#paidUntilMs, now - burstMs);
    this.#paidUntilMs = from + (bytes / this.#bytesPerSecond) * 1_000;
    return Math.max(0, from - now);
  }
}

const burstMs = 100;
