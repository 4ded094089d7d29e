import { WorldClock } from "@d-engine/simulator";

/**
 * Virtual time for the code under test. It stands still while code runs or promises settle, and
 * jumps to the next thing that happens when there is nothing else to do.
 */
export class SimulatedClock extends WorldClock {
  /** Resolves after `delayMs`; rejects with `signal.reason` when the signal aborts before. */
  sleep(delayMs: number, signal?: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const onAbort = (): void => {
        timer.cancel();
        reject(signal?.reason);
      };
      const timer = this.setTimer(delayMs, () => {
        signal?.removeEventListener("abort", onAbort);
        resolve();
      });
      if (signal?.aborted) onAbort();
      else signal?.addEventListener("abort", onAbort, { once: true });
    });
  }

  /** Aborts with a `TimeoutError` after `delayMs` of virtual time, as `AbortSignal.timeout`. */
  abortAfter(delayMs: number): AbortSignal {
    const controller = new AbortController();
    this.setTimer(delayMs, () =>
      controller.abort(new DOMException(`${delayMs} ms have passed`, "TimeoutError")),
    );
    return controller.signal;
  }
}
