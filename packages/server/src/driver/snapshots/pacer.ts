import type { Clock } from "@d-engine/core";

/** Cuts long work into slices, between which the event loop turns and heartbeats go out. */
export class Pacer {
  readonly #clock: Clock;
  #endMs: number;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#endMs = clock.nowMs() + sliceMs;
  }

  /** Whether the slice is used up. */
  get spent(): boolean {
    return this.#clock.nowMs() >= this.#endMs;
  }

  /** Resolves in a turn of its own, at the beginning of another slice. */
  turn(): Promise<void> {
    return new Promise((resolve) => {
      this.#clock.defer(() => {
        this.#endMs = this.#clock.nowMs() + sliceMs;
        resolve();
      });
    });
  }
}

/** Longest time that moving snapshots keeps the event loop at a stretch. */
const sliceMs = 5;
