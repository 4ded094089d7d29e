import type { Clock } from "@d-engine/core";

/**
 * Notices that wall and monotonic clock went different ways since the last look: the wall clock was
 * set, or the machine slept and the monotonic clock stood still, in which case other nodes have
 * seen more time pass than this one and its leases may be over (scenario 41).
 */
export class ClockWatch {
  readonly #clock: Clock;
  readonly #jumpMs: number;
  #wallMs: number;
  #monotonicMs: number;

  constructor(clock: Clock, jumpMs: number) {
    this.#clock = clock;
    this.#jumpMs = jumpMs;
    this.#wallMs = clock.wallMs();
    this.#monotonicMs = clock.nowMs();
  }

  /** Milliseconds by which the wall clock ran ahead since the last look; 0 within the bound. */
  jumpMs(): number {
    const wallMs = this.#clock.wallMs();
    const monotonicMs = this.#clock.nowMs();
    const apartMs = wallMs - this.#wallMs - (monotonicMs - this.#monotonicMs);
    this.#wallMs = wallMs;
    this.#monotonicMs = monotonicMs;
    return Math.abs(apartMs) > this.#jumpMs ? apartMs : 0;
  }
}
