/** Keeps what is sent below a rate. Holds a quarter of a second at most, so bursts stay small. */
export class TokenBucket {
  readonly #bytesPerSecond: number;
  #tokens = 0;
  #filledMs: number;

  /** 0 does not limit at all. */
  constructor(bytesPerSecond: number, nowMs: number) {
    this.#bytesPerSecond = bytesPerSecond;
    this.#filledMs = nowMs;
  }

  /** Takes the bytes and says in how many milliseconds they may go out. */
  take(bytes: number, nowMs: number): number {
    if (this.#bytesPerSecond === 0) return 0;
    const earned = ((nowMs - this.#filledMs) / 1_000) * this.#bytesPerSecond;
    this.#filledMs = nowMs;
    this.#tokens = Math.min(this.#tokens + earned, this.burstBytes) - bytes;
    return this.#tokens >= 0 ? 0 : (-this.#tokens / this.#bytesPerSecond) * 1_000;
  }

  /** The most that should be taken at once. */
  get burstBytes(): number {
    if (this.#bytesPerSecond === 0) return Number.POSITIVE_INFINITY;
    return this.#bytesPerSecond / 4;
  }
}
