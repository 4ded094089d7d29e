import type { Clock } from "@d-engine/core";

/**
 * Has background work take what nobody else wants of the event loop, and a small part of the time
 * when somebody does. A snapshot of a million keys is a second of work: in turns with requests, one
 * piece each, it would take most of the time of a busy node for as long.
 *
 * An event loop that has nothing to do for a moment is not free: its callers wait for the disk, and
 * every piece that begins meanwhile is in the way of what the disk answers. So the part is one of
 * time, until nothing has been asked of the node for a while.
 */
export class FairShare {
  readonly #clock: Clock;
  readonly #activity: () => number;
  #seenActivity: number;
  #markMs: number;
  /** How long others may still have the event loop before the next piece. */
  #owedMs = 0;
  /** Pieces in a row during which nothing was asked. */
  #quietPieces = 0;

  /** `activity` changes when the node has worked for somebody. */
  constructor(clock: Clock, activity: () => number) {
    this.#clock = clock;
    this.#activity = activity;
    this.#seenActivity = activity();
    this.#markMs = clock.nowMs();
  }

  /** A piece of work begins. */
  begin(): void {
    this.#markMs = this.#clock.nowMs();
  }

  /** It is done, or waits for the disk. */
  end(): void {
    const nowMs = this.#clock.nowMs();
    this.#owedMs = Math.min(othersPart * (nowMs - this.#markMs), pauseMaxMs);
    this.#markMs = nowMs;
  }

  /** Resolves when the others have had their part since `end`, or nobody wants it. */
  async turn(): Promise<void> {
    await new Promise<void>((resolve) => this.#clock.defer(resolve));
    const tookMs = this.#clock.nowMs() - this.#markMs;
    const activity = this.#activity();
    const isQuiet = tookMs < idleTurnMs && activity === this.#seenActivity;
    this.#seenActivity = activity;
    this.#quietPieces = isQuiet ? this.#quietPieces + 1 : 0;
    const pauseMs = this.#owedMs - tookMs;
    if (pauseMs <= 0 || this.#quietPieces >= quietPieces) return;
    await new Promise<void>((resolve) => this.#clock.setTimer(pauseMs, resolve));
  }
}

/**
 * How much longer than the background work all others together may have. Generous, as a writer
 * that hashes does so behind what is measured.
 */
const othersPart = 16;
/** A single slow piece does not stop the work for long. */
const pauseMaxMs = 100;
/** A turn of the event loop in which nobody had anything to do takes a few microseconds. */
const idleTurnMs = 0.1;
/** With their pauses about a quarter of a second. */
const quietPieces = 40;
