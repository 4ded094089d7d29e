import type { Clock, Timer } from "@d-engine/core";
import type { VirtualClock } from "../../../server/src/driver/testing/virtual-clock.js";

interface Due {
  readonly callback: () => void;
  cancelled: boolean;
}

/**
 * The clock of one process: the time of all, but with a life of its own. While it is stopped its
 * time goes on and nothing in it runs, as under SIGSTOP or while its loop is blocked.
 */
export class ClientClock implements Clock {
  readonly #shared: VirtualClock;
  #stopped = false;
  #due: Due[] = [];

  constructor(shared: VirtualClock) {
    this.#shared = shared;
  }

  nowMs(): number {
    return this.#shared.nowMs();
  }

  wallMs(): number {
    return this.#shared.wallMs();
  }

  setTimer(delayMs: number, callback: () => void): Timer {
    const due: Due = { callback, cancelled: false };
    const timer = this.#shared.setTimer(delayMs, () => this.#fire(due));
    return {
      cancel: () => {
        due.cancelled = true;
        timer.cancel();
      },
    };
  }

  defer(callback: () => void): void {
    this.setTimer(0, callback);
  }

  stop(): void {
    this.#stopped = true;
  }

  /** What fell due meanwhile runs in turns of its own, in the order that `arrange` gives it. */
  resume(arrange: <T>(due: T[]) => T[] = (due) => due): void {
    this.#stopped = false;
    const due = arrange(this.#due);
    this.#due = [];
    for (const one of due) this.#shared.setTimer(0, () => this.#fire(one));
  }

  #fire(due: Due): void {
    if (due.cancelled) return;
    if (this.#stopped) this.#due.push(due);
    else due.callback();
  }
}
