import type { Clock } from "@d-engine/core";

/** The part of a pause that the one call waits which looks for a leader on behalf of the others. */
const scoutShare = 0.2;
/** Pauses up to this long are not shortened. */
const scoutPauseMinMs = 20;

/**
 * Calls of one client that wait until there is a leader again. One of them, the scout, asks often;
 * the others pause for as long as they were told, and all go on as soon as any call was served.
 * So a client with thousands of calls finds a new leader fast and does not storm the nodes.
 */
export class LeaderSearch {
  readonly #clock: Clock;
  readonly #waiting = new Set<() => void>();
  #hasScout = false;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Resolves after `delayMs` at most; rejects with `signal.reason` when the signal aborts. */
  async wait(delayMs: number, signal: AbortSignal | undefined): Promise<void> {
    const isScout = !this.#hasScout;
    if (isScout) this.#hasScout = true;
    try {
      await this.#pause(isScout ? scoutPauseMs(delayMs) : delayMs, signal);
    } finally {
      if (isScout) this.#hasScout = false;
    }
  }

  /** A call was served: whoever waits need not wait longer. */
  found(): void {
    for (const wake of [...this.#waiting]) wake();
  }

  #pause(delayMs: number, signal: AbortSignal | undefined): Promise<void> {
    return new Promise((resolve, reject) => {
      const end = (settle: () => void): void => {
        timer.cancel();
        signal?.removeEventListener("abort", onAbort);
        this.#waiting.delete(wake);
        settle();
      };
      const onAbort = (): void => end(() => reject(signal?.reason));
      const wake = (): void => end(resolve);
      const timer = this.#clock.setTimer(delayMs, wake);
      this.#waiting.add(wake);
      if (signal?.aborted) onAbort();
      else signal?.addEventListener("abort", onAbort, { once: true });
    });
  }
}

function scoutPauseMs(delayMs: number): number {
  return Math.max(Math.min(delayMs, scoutPauseMinMs), delayMs * scoutShare);
}
