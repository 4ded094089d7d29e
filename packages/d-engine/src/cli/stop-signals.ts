/** Signals that ask a process to end, with the number that its exit code is then made of. */
const SIGNALS = { SIGINT: 2, SIGTERM: 15 } as const;

type StopSignal = keyof typeof SIGNALS;

/**
 * One Ctrl-C can arrive twice: from the terminal, and passed on by npm, which was sent it too.
 * Nobody presses it twice, and means it, within this time.
 */
const samePressMs = 500;

/**
 * Calls back at the first SIGINT or SIGTERM. A second one ends the process at once, with the code
 * that shells expect, for people who do not want to wait: what was acknowledged is on the disk.
 * The returned function ends the listening.
 */
export function onStopSignal(callback: (signal: StopSignal) => void): () => void {
  let firstMs: number | undefined;
  const listener = (signal: StopSignal): void => {
    if (firstMs === undefined) {
      firstMs = performance.now();
      callback(signal);
    } else if (performance.now() - firstMs >= samePressMs) {
      process.exit(128 + SIGNALS[signal]);
    }
  };
  for (const signal of Object.keys(SIGNALS) as StopSignal[]) process.on(signal, listener);
  return () => {
    for (const signal of Object.keys(SIGNALS) as StopSignal[]) process.off(signal, listener);
  };
}
