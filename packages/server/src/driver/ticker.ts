import type { Clock, Timer } from "@d-engine/core";
import { ClockWatch } from "./clock-watch.js";

export interface TickerSetup {
  readonly clock: Clock;
  readonly heartbeatIntervalMs: number;
  /** Difference between wall and monotonic clock, from one tick to the next, that is a jump. */
  readonly clockJumpMs: number;
  readonly onTick: () => void;
  /** Before the tick that notices it. */
  readonly onClockJump: (byMs: number) => void;
}

/** Lets the core see time pass, and notices when the clocks disagree. */
export class Ticker {
  readonly #setup: TickerSetup;
  readonly #watch: ClockWatch;
  #timer: Timer | undefined;

  constructor(setup: TickerSetup) {
    this.#setup = setup;
    this.#watch = new ClockWatch(setup.clock, setup.clockJumpMs);
  }

  /** Ticks now, and from now on. */
  tick(): void {
    const { clock, heartbeatIntervalMs, onTick, onClockJump } = this.#setup;
    this.#timer = clock.setTimer(heartbeatIntervalMs / ticksPerHeartbeat, () => this.tick());
    const jumpMs = this.#watch.jumpMs();
    if (jumpMs !== 0) onClockJump(jumpMs);
    onTick();
  }

  stop(): void {
    this.#timer?.cancel();
  }
}

/** The core wants to see time pass this often within a heartbeat interval. */
const ticksPerHeartbeat = 10;
