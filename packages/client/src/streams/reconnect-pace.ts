import type { Clock, Random } from "@d-engine/core";
import { RETRY_PAUSE_FIRST_MS, RETRY_PAUSE_MAX_MS } from "../retry.js";

export interface ReconnectPaceOptions {
  readonly clock: Clock;
  readonly random: Random;
  /** Milliseconds in a row without a stream, after which there is no further attempt. */
  readonly timeoutMs: number;
}

/** A stream that has lived this long is replaced at once when it breaks. */
const steadyMs = 1_000;

/**
 * Where and when the next attempt at a stream is made: the addresses in turn, beginning anywhere, so
 * that clients spread over the nodes; with pauses that double while attempts fail, and an end when
 * they have failed for too long.
 */
export class ReconnectPace {
  readonly #options: ReconnectPaceOptions;
  #turn: number | undefined;
  #failures = 0;
  #reachedMs = 0;
  /** Since when there is no stream; `undefined` while there is one. */
  #lostSinceMs: number | undefined;

  constructor(options: ReconnectPaceOptions) {
    this.#options = options;
  }

  /** Another one each time, while there are others. */
  nextAddress(addresses: readonly string[]): string {
    const first = Math.floor(this.#options.random.next() * addresses.length);
    this.#turn = this.#turn === undefined ? first : this.#turn + 1;
    return addresses[this.#turn % addresses.length] ?? "";
  }

  /** A stream is there. */
  reached(): void {
    this.#reachedMs = this.#options.clock.nowMs();
    this.#lostSinceMs = undefined;
  }

  /** The stream that was there is gone, or the search for the first begins. */
  lost(): void {
    const nowMs = this.#options.clock.nowMs();
    if (nowMs - this.#reachedMs >= steadyMs) this.#failures = 0;
    this.#lostSinceMs = nowMs;
  }

  /** Half of what is left: a node that does not answer leaves time for another. */
  get attemptTimeoutMs(): number {
    return Math.max(1, this.#remainingMs / 2);
  }

  /** How long to wait before the next attempt; `undefined`: there is none. */
  pauseMs(): number | undefined {
    if (this.#remainingMs <= 0) return undefined;
    const ceilingMs = Math.min(
      RETRY_PAUSE_MAX_MS,
      RETRY_PAUSE_FIRST_MS * 2 ** Math.min(this.#failures, 16),
    );
    this.#failures += 1;
    return Math.min(this.#remainingMs, (ceilingMs / 2) * (1 + this.#options.random.next()));
  }

  get #remainingMs(): number {
    const { clock, timeoutMs } = this.#options;
    if (this.#lostSinceMs === undefined) return timeoutMs;
    return this.#lostSinceMs + timeoutMs - clock.nowMs();
  }
}
