import type { Clock } from "@d-engine/core";
import type { HubWatch } from "./hub-watch.js";

/**
 * Tells readers that there is something, in turns of their own: what they do then is not done while
 * an entry is applied, and thousands of them are told in several turns.
 */
export class WakeQueue {
  readonly #clock: Clock;
  readonly #sliceMax: number;
  #queue: HubWatch[] = [];
  #scheduled = false;

  constructor(clock: Clock, sliceMax: number) {
    this.#clock = clock;
    this.#sliceMax = sliceMax;
  }

  add(watch: HubWatch): void {
    if (watch.wakeQueued) return;
    watch.wakeQueued = true;
    this.#queue.push(watch);
    this.#schedule();
  }

  #schedule(): void {
    if (this.#scheduled || this.#queue.length === 0) return;
    this.#scheduled = true;
    this.#clock.defer(() => {
      this.#scheduled = false;
      const woken = this.#queue.slice(0, this.#sliceMax);
      this.#queue = this.#queue.slice(this.#sliceMax);
      for (const watch of woken) {
        watch.wakeQueued = false;
        watch.notify();
      }
      this.#schedule();
    });
  }
}
