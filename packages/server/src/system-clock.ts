import type { Clock } from "@d-engine/core";

/**
 * The clock of a real process. Its timers do not keep the process alive; who waits for one of them
 * to act holds a `KeepAlive`.
 */
export const systemClock: Clock = Object.freeze({
  nowMs: () => performance.now(),
  wallMs: () => Date.now(),
  setTimer: (delayMs: number, callback: () => void) => {
    const timer = setTimeout(callback, delayMs);
    timer.unref();
    return { cancel: () => clearTimeout(timer) };
  },
  defer: (callback: () => void) => {
    setImmediate(callback);
  },
});
