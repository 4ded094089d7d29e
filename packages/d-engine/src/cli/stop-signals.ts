/** Signals that ask a process to end, with the number that its exit code is then made of. */
const SIGNALS = { SIGINT: 2, SIGTERM: 15 } as const;

type StopSignal = keyof typeof SIGNALS;

/**
 * Calls back at the first SIGINT or SIGTERM. The second ends the process at once, with the code
 * that shells expect, for people who do not want to wait: what was acknowledged is on the disk.
 * The returned function ends the listening.
 */
export function onStopSignal(callback: (signal: StopSignal) => void): () => void {
  let seen = false;
  const listener = (signal: StopSignal): void => {
    if (seen) process.exit(128 + SIGNALS[signal]);
    seen = true;
    callback(signal);
  };
  for (const signal of Object.keys(SIGNALS) as StopSignal[]) process.on(signal, listener);
  return () => {
    for (const signal of Object.keys(SIGNALS) as StopSignal[]) process.off(signal, listener);
  };
}
