import type { Clock } from "@d-engine/core";

/**
 * Has background work take what the event loop can spare, and a small part of it when it can spare
 * nothing. A snapshot of a million keys is a second of work: in turns with requests, one piece each,
 * it would take most of the time of a busy node for as long.
 */
export class FairShare {
  readonly #clock: Clock;
  #markMs: number;
  /** How long others may still have the event loop before the next piece. */
  #owedMs = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#markMs = clock.nowMs();
  }

  /** A piece of work begins. */
  begin(): void {
    this.#markMs = this.#clock.nowMs();
  }

  /** It is done, or waits for the disk. */
  end(): void {
    const nowMs = this.#clock.nowMs();
    this.#owedMs = othersPart * (nowMs - this.#markMs);
    this.#markMs = nowMs;
  }

  /** Resolves when the others have had their part since `end`, or the event loop is idle. */
  async turn(): Promise<void> {
    do {
      await new Promise<void>((resolve) => this.#clock.defer(resolve));
      const nowMs = this.#clock.nowMs();
      const tookMs = nowMs - this.#markMs;
      this.#markMs = nowMs;
      this.#owedMs = tookMs < idleTurnMs ? 0 : this.#owedMs - tookMs;
    } while (this.#owedMs > 0);
  }
}

/**
 * How much longer than the background work all others together may have. Generous, as a writer
 * that hashes does so behind what is measured.
 */
const othersPart = 10;
/** A turn of the event loop in which nobody had anything to do takes a few microseconds. */
const idleTurnMs = 0.1;
