import type { Clock, Timer } from "@d-engine/core";

interface Due {
  readonly atMs: number;
  readonly order: number;
  readonly callback: () => void;
}

/**
 * Time that moves only when told. Deferred callbacks run as microtasks, so that a test that awaits
 * makes progress without a real timer.
 */
export class ManualClock implements Clock {
  #nowMs = 0;
  #order = 0;
  #timers: Due[] = [];

  nowMs(): number {
    return this.#nowMs;
  }

  wallMs(): number {
    return this.#nowMs;
  }

  setTimer(delayMs: number, callback: () => void): Timer {
    const due: Due = { atMs: this.#nowMs + delayMs, order: this.#order++, callback };
    this.#timers.push(due);
    return {
      cancel: () => {
        this.#timers = this.#timers.filter((other) => other !== due);
      },
    };
  }

  defer(callback: () => void): void {
    queueMicrotask(callback);
  }

  /** Lets `ms` pass, and what falls due in it happen in order. */
  advance(ms: number): void {
    const untilMs = this.#nowMs + ms;
    for (let next = this.#nextDue(untilMs); next !== undefined; next = this.#nextDue(untilMs)) {
      const due = next;
      this.#timers = this.#timers.filter((other) => other !== due);
      this.#nowMs = Math.max(this.#nowMs, due.atMs);
      due.callback();
    }
    this.#nowMs = untilMs;
  }

  #nextDue(untilMs: number): Due | undefined {
    const due = this.#timers.filter((timer) => timer.atMs <= untilMs);
    due.sort((a, b) => a.atMs - b.atMs || a.order - b.order);
    return due[0];
  }
}
