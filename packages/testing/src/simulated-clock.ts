import type { Clock, Timer } from "@d-engine/core";
import type { World } from "@d-engine/simulator";

/** The year in which simulations take place: 2023-11-14T22:13:20Z. */
const epochMs = 1_700_000_000_000;

/**
 * Virtual time for the code under test. It stands still while code runs or promises settle, and
 * jumps to the next thing that happens when there is nothing else to do.
 */
export class SimulatedClock implements Clock {
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

  /** Resolves after `delayMs`; rejects with `signal.reason` when the signal aborts before. */
  sleep(delayMs: number, signal?: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const onAbort = (): void => {
        timer.cancel();
        reject(signal?.reason);
      };
      const timer = this.setTimer(delayMs, () => {
        signal?.removeEventListener("abort", onAbort);
        resolve();
      });
      if (signal?.aborted) onAbort();
      else signal?.addEventListener("abort", onAbort, { once: true });
    });
  }

  /** Aborts with a `TimeoutError` after `delayMs` of virtual time, as `AbortSignal.timeout`. */
  abortAfter(delayMs: number): AbortSignal {
    const controller = new AbortController();
    this.setTimer(delayMs, () =>
      controller.abort(new DOMException(`${delayMs} ms have passed`, "TimeoutError")),
    );
    return controller.signal;
  }
}
