import type { Clock, Timer } from "@d-engine/core";

export interface WatchdogSetup {
  readonly clock: Clock;
  readonly silenceTimeoutMs: number;
  readonly idleTimeoutMs: number;
  /** Whether the other side owes an answer. */
  readonly isOwed: () => boolean;
  /** Half the time has passed in silence: ask whether anybody is there. */
  readonly onQuiet: () => void;
  readonly onSilent: () => void;
  readonly onIdle: () => void;
}

/** Looks of one silence. */
const looksMax = 4;

/**
 * Notices that the other side says nothing although it owes an answer, and that nothing is asked
 * of it any more. Counts looks at regular intervals and not time: after a stall of this process
 * what arrived meanwhile is read before the next look, so a stall is not taken for silence.
 */
export class Watchdog {
  readonly #setup: WatchdogSetup;
  readonly #intervalMs: number;
  #timer: Timer | undefined;
  #silentLooks = 0;
  #idleLooks = 0;

  constructor(setup: WatchdogSetup) {
    this.#setup = setup;
    this.#intervalMs = Math.max(1, setup.silenceTimeoutMs / looksMax);
  }

  /** Begins to look. */
  start(): void {
    this.#timer = this.#setup.clock.setTimer(this.#intervalMs, () => {
      this.start();
      this.#look();
    });
  }

  stop(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
  }

  /** The other side said something. */
  heard(): void {
    this.#silentLooks = 0;
  }

  /** Something is asked. */
  used(): void {
    this.#idleLooks = 0;
  }

  #look(): void {
    const { isOwed, idleTimeoutMs, onQuiet, onSilent, onIdle } = this.#setup;
    if (isOwed()) {
      this.#silentLooks += 1;
      if (this.#silentLooks >= looksMax) onSilent();
      else if (this.#silentLooks * 2 >= looksMax) onQuiet();
      return;
    }
    this.#silentLooks = 0;
    this.#idleLooks += 1;
    if (this.#idleLooks * this.#intervalMs >= idleTimeoutMs) onIdle();
  }
}
