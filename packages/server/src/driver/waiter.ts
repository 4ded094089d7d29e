import type { CancelSignal } from "./cancel-signal.js";

/** How much is being waited for, kept by the waiters themselves as they open and close. */
export class Gauge {
  count = 0;
  bytes = 0;
}

/**
 * One caller's promise. It closes exactly once: completed, failed, or aborted by its signal,
 * whatever comes first; later endings are ignored. One object a call, so it is kept small.
 *
 * @typeParam In what completing takes, before `finish` makes the caller's value of it
 */
export class Waiter<In> {
  readonly promise: Promise<unknown>;
  /** When the call gives up, on the driver's clock. */
  readonly deadlineMs: number;
  readonly #gauge: Gauge;
  readonly #bytes: number;
  readonly #finish: (input: In) => unknown;
  #resolve!: (value: unknown) => void;
  #reject!: (error: unknown) => void;
  #open = true;
  #signal: CancelSignal | undefined;
  #onAbort: (() => void) | undefined;

  /** `bytes` is what the call holds in memory, counted in `gauge` until it closes. */
  constructor(
    gauge: Gauge,
    bytes: number,
    deadlineMs: number,
    finish: (input: In) => unknown,
    signal: CancelSignal | undefined,
  ) {
    this.#gauge = gauge;
    this.#bytes = bytes;
    this.#finish = finish;
    this.deadlineMs = deadlineMs;
    this.promise = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
    gauge.count += 1;
    gauge.bytes += bytes;
    if (signal !== undefined) this.#watch(signal);
  }

  get open(): boolean {
    return this.#open;
  }

  complete(input: In): void {
    if (!this.#close()) return;
    try {
      this.#resolve(this.#finish(input));
    } catch (error) {
      this.#reject(error);
    }
  }

  fail(error: unknown): void {
    if (this.#close()) this.#reject(error);
  }

  #close(): boolean {
    if (!this.#open) return false;
    this.#open = false;
    this.#gauge.count -= 1;
    this.#gauge.bytes -= this.#bytes;
    if (this.#signal !== undefined) {
      this.#signal.removeEventListener("abort", this.#onAbort as () => void);
      this.#signal = undefined;
    }
    return true;
  }

  #watch(signal: CancelSignal): void {
    this.#signal = signal;
    this.#onAbort = () => this.fail(signal.reason);
    signal.addEventListener("abort", this.#onAbort);
  }
}

/**
 * Fails every open waiter whose deadline has come, and returns the earliest deadline among those
 * that stay: infinity when none does. They share one error, so that a mass expiry costs one stack
 * trace, not thousands.
 */
export function expireWaiters<In>(
  waiters: readonly (Waiter<In> | undefined)[],
  nowMs: number,
  error: () => Error,
): number {
  let earliestMs = Number.POSITIVE_INFINITY;
  let shared: Error | undefined;
  for (const waiter of waiters) {
    if (waiter === undefined || !waiter.open) continue;
    if (waiter.deadlineMs <= nowMs) {
      shared ??= error();
      waiter.fail(shared);
    } else if (waiter.deadlineMs < earliestMs) {
      earliestMs = waiter.deadlineMs;
    }
  }
  return earliestMs;
}
