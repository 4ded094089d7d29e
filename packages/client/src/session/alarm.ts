import type { Clock, Timer } from "@d-engine/core";

/**
 * One timer for many deadlines: rings at the earliest that it was told of. Deadlines that have
 * become pointless are not taken back, which would cost more than a ring in vain.
 */
export class Alarm {
  readonly #clock: Clock;
  readonly #ring: () => void;
  #dueMs = Number.POSITIVE_INFINITY;
  #timer: Timer | undefined;

  constructor(clock: Clock, ring: () => void) {
    this.#clock = clock;
    this.#ring = ring;
  }

  /** Rings at `deadlineMs`, on the clock, or shortly after. */
  set(deadlineMs: number): void {
    if (deadlineMs >= this.#dueMs) return;
    this.#timer?.cancel();
    this.#dueMs = deadlineMs;
    const delayMs = Math.max(0, Math.ceil(deadlineMs - this.#clock.nowMs()));
    this.#timer = this.#clock.setTimer(delayMs, () => {
      this.clear();
      this.#ring();
    });
  }

  clear(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    this.#dueMs = Number.POSITIVE_INFINITY;
  }
}
