import type { Latencies } from "../statistics.js";
import type { LoadFigures, Operate, Operation } from "./operations.js";

export interface LoadSettings {
  readonly operation: Operation;
  /** Operations under way at a time. */
  readonly callers: number;
  readonly durationMs: number;
}

/** Reads of memory resolve without a turn of the event loop: after this long one is taken. */
const turnEachMs = 5;
/** Looking at the clock costs a good part of a read of memory: one in so many is timed. */
const timedEachEventual = 16;
const stride = 7919; // prime, so that every key is visited

/**
 * Runs `callers` loops, each awaiting one operation after the other, for `durationMs`. Rejects
 * with the first failure, once all loops have ended: a load with failures measured nothing.
 */
export async function runLoad(
  operate: Operate,
  keys: readonly Uint8Array[],
  latencies: Latencies,
  { operation, callers, durationMs }: LoadSettings,
): Promise<LoadFigures> {
  latencies.clear();
  const timedEach = operation === "eventual" ? timedEachEventual : 1;
  const startedMs = performance.now();
  const untilMs = startedMs + durationMs;
  let turnedMs = startedMs;
  let turn: Promise<void> | undefined;
  let operations = 0;
  let over = false;
  let at = 0;
  const caller = async () => {
    while (!over) {
      at = (at + stride) % keys.length;
      operations += 1;
      if (operations % timedEach !== 0) {
        await operate(operation, keys[at]!);
        continue;
      }
      const beforeMs = performance.now();
      await operate(operation, keys[at]!);
      const nowMs = performance.now();
      latencies.add(nowMs - beforeMs);
      if (nowMs >= untilMs) over = true;
      if (nowMs - turnedMs >= turnEachMs) {
        turnedMs = nowMs;
        turn = new Promise((resolve) => setImmediate(resolve));
      }
      if (operation === "eventual") await turn;
    }
  };
  const ended = await Promise.allSettled(
    Array.from({ length: callers }, () =>
      caller().catch((error: unknown) => {
        over = true;
        throw error;
      }),
    ),
  );
  const elapsedMs = performance.now() - startedMs;
  for (const result of ended) if (result.status === "rejected") throw result.reason;
  const [p50Ms, p99Ms] = latencies.percentiles([0.5, 0.99]);
  return {
    operations,
    perSecond: (operations * 1000) / elapsedMs,
    p50Ms: p50Ms!,
    p99Ms: p99Ms!,
  };
}
