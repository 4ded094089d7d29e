import type { CancelSignal } from "./cancel-signal.js";

/** What `start` promises, or the signal's reason if that comes first. The work itself goes on. */
export function abortable<T>(
  signal: CancelSignal | undefined,
  start: () => Promise<T>,
): Promise<T> {
  if (signal === undefined) return start();
  signal.throwIfAborted();
  return new Promise((resolve, reject) => {
    const onAbort = (): void => reject(signal.reason);
    signal.addEventListener("abort", onAbort);
    start()
      .then(resolve, reject)
      .finally(() => signal.removeEventListener("abort", onAbort));
  });
}
