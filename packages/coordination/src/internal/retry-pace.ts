import type { Clock } from "@d-engine/core";

/** Pauses between attempts double from the first to the last; each is taken from its upper half. */
const pauseFirstMs = 50;
const pauseMaxMs = 5_000;

/** How long to wait before each further attempt. */
export class RetryPace {
  readonly #clock: Clock;
  #failures = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** An attempt went well: the next pause is a short one again. */
  reset(): void {
    this.#failures = 0;
  }

  nextMs(): number {
    const ceilingMs = Math.min(pauseMaxMs, pauseFirstMs * 2 ** Math.min(this.#failures, 16));
    this.#failures += 1;
    return (ceilingMs / 2) * (1 + spread(this.#clock.nowMs() + this.#failures));
  }
}

/**
 * A number in [0, 1) that differs between processes, whose clocks differ by fractions of a
 * millisecond, and is the same each time on a clock of a test.
 */
function spread(seed: number): number {
  const scattered = Math.sin(seed * 12.9898) * 43_758.5453;
  return scattered - Math.floor(scattered);
}
