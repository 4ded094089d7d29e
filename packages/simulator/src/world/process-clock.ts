import type { Clock, Timer } from "@d-engine/core";
import type { Prng } from "../prng.js";
import type { Process } from "./process.js";

/** How a node's clocks go, apart from true time. Changed by faults while the node runs. */
export interface ClockState {
  /** Local milliseconds in one of true time. */
  rate: number;
  /** What is added to true time to get the wall clock. */
  wallOffsetMs: number;
}

/** Pauses in the middle of a handler, at a look at the clock: a garbage collection, a SIGSTOP. */
export interface StallProfile {
  /** Chance at each look. */
  chance: number;
  readonly maxMs: number;
}

/** The clock of one process. Monotonic time begins anew with each process, at any value. */
export class ProcessClock implements Clock {
  readonly #process: Process;
  readonly #state: ClockState;
  readonly #stalls: StallProfile;
  readonly #random: Prng;
  #localMs: number;
  #trueMs: number;
  #rate: number;

  constructor(process: Process, state: ClockState, stalls: StallProfile, random: Prng) {
    this.#process = process;
    this.#state = state;
    this.#stalls = stalls;
    this.#random = random;
    this.#localMs = random.uniform(0, 1_000_000);
    this.#trueMs = process.nowMs;
    this.#rate = state.rate;
  }

  nowMs(): number {
    if (this.#stalls.chance > 0 && this.#random.chance(this.#stalls.chance)) {
      this.#process.pause(this.#random.logUniform(1, this.#stalls.maxMs));
    }
    return this.#advance();
  }

  wallMs(): number {
    return 1_700_000_000_000 + this.#process.nowMs + this.#state.wallOffsetMs;
  }

  setTimer(delayMs: number, callback: () => void): Timer {
    this.#advance();
    // Node's timers wait for a millisecond at least. It also makes time move: what is left of a
    // wait after rounding may be too little to be added to the time of day.
    const event = this.#process.schedule(Math.max(1, delayMs) / this.#rate, () => {
      if (!cancelled) callback();
    });
    let cancelled = false;
    return {
      cancel: () => {
        cancelled = true;
        event.cancelled = true;
      },
    };
  }

  defer(callback: () => void): void {
    this.#process.schedule(0, callback);
  }

  /** Adds what passed since the last look at the rate that held then. */
  #advance(): number {
    const trueMs = this.#process.nowMs;
    this.#localMs += (trueMs - this.#trueMs) * this.#rate;
    this.#trueMs = trueMs;
    this.#rate = this.#state.rate;
    return this.#localMs;
  }
}
