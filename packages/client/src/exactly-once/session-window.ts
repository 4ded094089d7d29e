import { type Clock, EngineError } from "@d-engine/core";

/**
 * Sequences of one session that may be unanswered at a time: as many results as the store keeps for
 * it (rule R17).
 */
export const sessionWindowMax = 1_024;
/** Writes that may wait for their sequence; more are refused with `RATE_LIMITED`. */
export const sessionWaitingMax = 10_000;

/** How long a write may wait for its sequence. */
export interface WindowWait {
  readonly timeoutMs: number;
  readonly signal: AbortSignal | undefined;
}

interface Waiting {
  readonly deadlineMs: number;
  readonly wake: (sequence: number) => void;
  readonly refuse: () => void;
}

/**
 * Gives the writes of a session their sequences, and knows up to where the results of all are
 * there, or are no longer wanted. A write whose sequence would lie too far above that waits, first
 * come, first served.
 *
 * Invariant: the last sequence given lies at most `sessionWindowMax` above `acknowledged`.
 */
export class SessionWindow {
  readonly #clock: Clock;
  /** Given and not given back, in ascending order, as a set keeps the order of its additions. */
  readonly #open = new Set<number>();
  readonly #waiting = new Set<Waiting>();
  #last = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Every sequence up to this one was given back. */
  get acknowledged(): number {
    for (const lowest of this.#open) return lowest - 1;
    return this.#last;
  }

  get size(): number {
    return this.#open.size + this.#waiting.size;
  }

  /** The next sequence, if there is one and nobody waits for it. Whoever gets it gives it back. */
  take(): number | undefined {
    return this.#waiting.size === 0 && !this.#isFull ? this.#next() : undefined;
  }

  /**
   * The next sequence, as soon as there is one.
   *
   * @throws EngineError `RATE_LIMITED` when it takes longer than allowed, or too many wait already;
   *   the signal's reason
   */
  async wait({ timeoutMs, signal }: WindowWait): Promise<number> {
    signal?.throwIfAborted();
    if (this.#waiting.size >= sessionWaitingMax) {
      throw rateLimited(`${sessionWaitingMax} more wait for one of them; await some`);
    }
    return await new Promise((resolve, reject) => {
      const end = (settle: () => void): void => {
        timer.cancel();
        signal?.removeEventListener("abort", onAbort);
        this.#waiting.delete(waiting);
        settle();
      };
      const onAbort = (): void => end(() => reject(signal?.reason));
      const waiting: Waiting = {
        deadlineMs: this.#clock.nowMs() + timeoutMs,
        wake: (sequence) => end(() => resolve(sequence)),
        refuse: () =>
          end(() => reject(rateLimited(`none of them was answered within ${timeoutMs} ms`))),
      };
      const timer = this.#clock.setTimer(timeoutMs, waiting.refuse);
      this.#waiting.add(waiting);
      signal?.addEventListener("abort", onAbort, { once: true });
    });
  }

  /** The result of this one is there, or not wanted any more. */
  giveBack(sequence: number): void {
    this.#open.delete(sequence);
    for (const waiting of this.#waiting) {
      if (this.#isFull) return;
      // What was waited for until the deadline could only be sent to be given up.
      if (this.#clock.nowMs() >= waiting.deadlineMs) waiting.refuse();
      else waiting.wake(this.#next());
    }
  }

  #next(): number {
    this.#last += 1;
    this.#open.add(this.#last);
    return this.#last;
  }

  get #isFull(): boolean {
    return this.#last - this.acknowledged >= sessionWindowMax;
  }
}

function rateLimited(why: string): EngineError {
  const what = `${sessionWindowMax} writes of this session are on their way, and ${why}`;
  return new EngineError("RATE_LIMITED", what);
}
