import type { Clock } from "@d-engine/core";

/** How long to leave something alone that has just failed: twice as long each time, bounded. */
export class BackOff {
  readonly #clock: Clock;
  #failures = 0;
  #untilMs = Number.NEGATIVE_INFINITY;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  get over(): boolean {
    return this.#clock.nowMs() >= this.#untilMs;
  }

  /** Counts a failure; returns for how long to wait. */
  failed(): number {
    const delayMs = Math.min(firstMs * 2 ** this.#failures, longestMs);
    this.#failures += 1;
    this.#untilMs = this.#clock.nowMs() + delayMs;
    return delayMs;
  }

  succeeded(): void {
    this.#failures = 0;
    this.#untilMs = Number.NEGATIVE_INFINITY;
  }
}

const firstMs = 1_000;
const longestMs = 60_000;
