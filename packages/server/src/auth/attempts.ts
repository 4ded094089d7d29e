import { EngineError } from "@d-engine/core";

/** Failures of one name that are free, and how fast they are forgiven. */
const failuresMax = 10;
const forgivenPerMs = 1 / 1_000;
/** Names with failures that are remembered; beyond, the one that failed first is forgotten. */
const namesMax = 1_024;
/** Passwords under way or waiting, of all names. */
const waitingMax = 64;

/** A reading of the counters. */
export interface AuthMetrics {
  readonly authSucceeded: number;
  /** Wrong names and passwords. */
  readonly authFailed: number;
  /** Turned away before anything was looked at. */
  readonly authLimited: number;
}

/**
 * Bounds what guessing passwords can cost and gain on one node. They are hashed one at a time, as
 * each takes a thread of the pool in which the log is written too; and a name that failed too often
 * has to wait. Whoever fails in the name of another holds up its next password, but no token.
 */
export class Attempts {
  readonly #nowMs: () => number;
  readonly #failures = new Map<string, { count: number; sinceMs: number }>();
  #last: Promise<unknown> = Promise.resolve();
  #waiting = 0;
  #succeeded = 0;
  #failed = 0;
  #limited = 0;

  /** By a monotonic clock. */
  constructor(nowMs: () => number) {
    this.#nowMs = nowMs;
  }

  metrics(): AuthMetrics {
    return {
      authSucceeded: this.#succeeded,
      authFailed: this.#failed,
      authLimited: this.#limited,
    };
  }

  /**
   * Runs `check`, in its turn; its answer says whether the password was right.
   *
   * @throws EngineError `RATE_LIMITED`
   */
  async attempt(name: string, check: () => Promise<boolean>): Promise<boolean> {
    this.#admit(name);
    const isRight = await this.inTurn(check);
    if (isRight) this.#succeeded += 1;
    else this.#fail(name);
    return isRight;
  }

  /** Runs what hashes a password, one at a time. @throws EngineError `RATE_LIMITED` */
  async inTurn<T>(work: () => Promise<T>): Promise<T> {
    if (this.#waiting >= waitingMax) {
      throw this.#tooMany(`${waitingMax} passwords are being checked on this node`, 1_000);
    }
    this.#waiting += 1;
    const before = this.#last;
    const done = (async () => {
      await before;
      return await work();
    })();
    this.#last = done.catch(() => undefined);
    try {
      return await done;
    } finally {
      this.#waiting -= 1;
    }
  }

  #admit(name: string): void {
    const count = this.#countOf(name);
    if (count < failuresMax) return;
    const waitMs = Math.ceil((count - failuresMax + 1) / forgivenPerMs);
    throw this.#tooMany("this name failed too often on this node", waitMs);
  }

  #fail(name: string): void {
    this.#failed += 1;
    const count = this.#countOf(name) + 1;
    this.#failures.delete(name);
    if (this.#failures.size >= namesMax) {
      const [oldest] = this.#failures.keys();
      if (oldest !== undefined) this.#failures.delete(oldest);
    }
    this.#failures.set(name, { count, sinceMs: this.#nowMs() });
  }

  /** What is left of its failures by now. */
  #countOf(name: string): number {
    const known = this.#failures.get(name);
    if (known === undefined) return 0;
    return Math.max(0, known.count - (this.#nowMs() - known.sinceMs) * forgivenPerMs);
  }

  #tooMany(why: string, retryAfterMs: number): EngineError {
    this.#limited += 1;
    const message = `${why}; try again in ${retryAfterMs} ms`;
    return new EngineError("RATE_LIMITED", message, { retryAfterMs });
  }
}
