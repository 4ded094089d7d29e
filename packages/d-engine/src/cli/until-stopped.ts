import type { CliIo } from "./cli-io.js";
import { EXIT, type ExitCode } from "./exit-codes.js";
import { onStopSignal } from "./stop-signals.js";

/**
 * Runs what ends when somebody stops it: by SIGINT or SIGTERM, or by reading its output no longer.
 * That is its ordinary end, with code 0.
 */
export async function untilStopped(
  io: CliIo,
  work: (signal: AbortSignal) => Promise<ExitCode>,
): Promise<ExitCode> {
  const stop = new AbortController();
  const unlisten = onStopSignal(() => stop.abort());
  const signal = AbortSignal.any([stop.signal, io.ended]);
  try {
    return await work(signal);
  } catch (error) {
    if (!signal.aborted) throw error;
    return EXIT.ok;
  } finally {
    unlisten();
  }
}
