import { setTimeout as pause } from "node:timers/promises";
import { connectLazily } from "@d-engine/client";
import { isEngineError } from "@d-engine/core";

/** One chunk and more of a snapshot. */
const keys = 256;
const valueBytes = 4096;
const pauseMs = 30;
const timeoutMs = 1_000;

/**
 * Keeps logs and snapshots growing, beside the clients that are judged, with keys of its own.
 * Resolves to how many puts were acknowledged.
 */
export async function runBallast(
  endpoints: readonly string[],
  signal: AbortSignal,
): Promise<number> {
  await using client = connectLazily(endpoints, { timeoutMs });
  let written = 0;
  for (let put = 0; !signal.aborted; put++) {
    try {
      await client.put(`ballast/${put % keys}`, new Uint8Array(valueBytes).fill(put));
      written += 1;
    } catch (error) {
      if (!isEngineError(error)) throw error;
    }
    await pause(pauseMs);
  }
  return written;
}
