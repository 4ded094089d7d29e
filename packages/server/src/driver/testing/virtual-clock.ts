import type { Clock, Timer } from "@d-engine/core";

interface Scheduled {
  readonly dueMs: number;
  readonly order: number;
  readonly callback: () => void;
  cancelled: boolean;
}

/**
 * Time that moves only when a test says so. Callbacks run in the order of their time, and those of
 * one moment in the order in which they were set; between two of them every promise that can
 * settle does, so that a run is the same each time.
 */
export class VirtualClock implements Clock {
  #nowMs = 1_000;
  #wallMs = 1_700_000_000_000;
  #order = 0;
  #scheduled: Scheduled[] = [];

  nowMs(): number {
    return this.#nowMs;
  }

  wallMs(): number {
    return this.#wallMs;
  }

  setTimer(delayMs: number, callback: () => void): Timer {
    this.#order += 1;
    const timer: Scheduled = {
      dueMs: this.#nowMs + Math.max(0, delayMs),
      order: this.#order,
      callback,
      cancelled: false,
    };
    this.#scheduled.push(timer);
    return {
      cancel: () => {
        timer.cancelled = true;
      },
    };
  }

  defer(callback: () => void): void {
    this.setTimer(0, callback);
  }

  /** Moves the wall clock alone, as somebody who sets it does. */
  setWall(byMs: number): void {
    this.#wallMs += byMs;
  }

  /** Moves both clocks without running anything: a process that was stopped, or was busy. */
  stall(forMs: number): void {
    this.#nowMs += forMs;
    this.#wallMs += forMs;
  }

  /** Timers that have not run and are not cancelled. */
  get pending(): number {
    return this.#scheduled.filter((timer) => !timer.cancelled).length;
  }

  /** Lets time pass, running what falls due on the way. */
  async advance(forMs: number): Promise<void> {
    const endMs = this.#nowMs + forMs;
    await settlePromises();
    for (let next = this.#next(endMs); next !== undefined; next = this.#next(endMs)) {
      const waitMs = Math.max(0, next.dueMs - this.#nowMs);
      this.stall(waitMs);
      next.callback();
      await settlePromises();
    }
    this.stall(Math.max(0, endMs - this.#nowMs));
  }

  /** Lets time pass until `done`, at most `withinMs`; says whether it came about. */
  async advanceUntil(done: () => boolean, withinMs = 60_000): Promise<boolean> {
    const endMs = this.#nowMs + withinMs;
    await settlePromises();
    while (!done()) {
      const next = this.#next(endMs);
      if (next === undefined) return false;
      this.stall(Math.max(0, next.dueMs - this.#nowMs));
      next.callback();
      await settlePromises();
    }
    return true;
  }

  /** Runs what is due at this very moment. */
  turn(): Promise<void> {
    return this.advance(0);
  }

  #next(endMs: number): Scheduled | undefined {
    this.#scheduled = this.#scheduled.filter((timer) => !timer.cancelled);
    let next: Scheduled | undefined;
    for (const timer of this.#scheduled) {
      if (timer.dueMs > endMs) continue;
      if (next === undefined || comesBefore(timer, next)) next = timer;
    }
    if (next !== undefined) next.cancelled = true;
    return next;
  }
}

function comesBefore(a: Scheduled, b: Scheduled): boolean {
  return a.dueMs === b.dueMs ? a.order < b.order : a.dueMs < b.dueMs;
}

/** A turn of the real event loop: everything that only waits for promises has run afterwards. */
function settlePromises(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
