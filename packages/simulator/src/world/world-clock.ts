import type { Clock, Timer } from "@d-engine/core";
import type { World } from "./world.js";

/** The year in which simulations take place: 2023-11-14T22:13:20Z. */
const epochMs = 1_700_000_000_000;

/** True simulated time as a clock, for what runs outside of the nodes. */
export class WorldClock implements Clock {
  readonly #world: World;

  constructor(world: World) {
    this.#world = world;
  }

  /** Virtual milliseconds since the simulation began, with fractions. */
  nowMs(): number {
    return this.#world.nowMs;
  }

  /** A time of day: always the same one at the same virtual moment. */
  wallMs(): number {
    return epochMs + this.#world.nowMs;
  }

  setTimer(delayMs: number, callback: () => void): Timer {
    const event = this.#world.schedule(delayMs, callback);
    return {
      cancel: () => {
        event.cancelled = true;
      },
    };
  }

  defer(callback: () => void): void {
    this.#world.schedule(0, callback);
  }
}
