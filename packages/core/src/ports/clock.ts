/** Time as the driver sees it. */
export interface Clock {
  /** Monotonic milliseconds, with fractions; never goes back. */
  nowMs(): number;
  /** Milliseconds since the epoch: for people and for noticing jumps, never for decisions. */
  wallMs(): number;
  /** Calls back once after `delayMs`, in a turn of its own. */
  setTimer(delayMs: number, callback: () => void): Timer;
  /** Calls back once, as soon as the current turn and what it has queued is done. */
  defer(callback: () => void): void;
}

export interface Timer {
  /** After this the callback does not run. Idempotent. */
  cancel(): void;
}
