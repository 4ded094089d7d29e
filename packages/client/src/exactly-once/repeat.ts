import { type Clock, EngineError, type EngineErrorCode, isEngineError } from "@d-engine/core";
import { pause } from "../internal/abortable.js";
import { RETRY_PAUSE_FIRST_MS, RETRY_PAUSE_MAX_MS, retriesAfter } from "../retry.js";

export interface RepeatOptions {
  readonly clock: Clock;
  readonly deadlineMs: number;
  readonly signal: AbortSignal | undefined;
}

/** The first attempt takes no longer, each later one twice as long as the one before. */
const attemptTimeoutMs = 1_000;

/** Said when the command was applied: an earlier attempt was not, or said the same (R17). */
const settling: ReadonlySet<EngineErrorCode> = new Set([
  "LEASE_NOT_FOUND",
  "LEASE_EXISTS",
  "COMPACTED",
]);

/**
 * After these another attempt is only worth it for the sake of an earlier one whose answer was lost.
 */
const worthItInDoubt: ReadonlySet<EngineErrorCode> = new Set(["DISK_FULL", "INVALID_RESPONSE"]);

/**
 * Carries out what may be sent any number of times, until it is answered. Where an attempt has had
 * no answer, what a later one says does not count unless it was said by the state machine: the
 * outcome stays unknown (C2).
 */
export async function repeat<T>(
  attempt: (timeoutMs: number) => Promise<T>,
  { clock, deadlineMs, signal }: RepeatOptions,
): Promise<T> {
  let inDoubt = false;
  for (let count = 0; ; count += 1) {
    const remainingMs = Math.max(1, deadlineMs - clock.nowMs());
    const timeoutMs = Math.min(remainingMs, attemptTimeoutMs * doublings(count));
    try {
      return await attempt(timeoutMs);
    } catch (error) {
      signal?.throwIfAborted();
      if (!isEngineError(error) || settling.has(error.code)) throw error;
      inDoubt ||= error.outcome === "unknown";
      const isWorthIt = retriesAfter(error.code) || (inDoubt && worthItInDoubt.has(error.code));
      const pauseMs = Math.max(
        error.retryAfterMs ?? 0,
        Math.min(RETRY_PAUSE_MAX_MS, RETRY_PAUSE_FIRST_MS * doublings(count)),
      );
      if (!isWorthIt || clock.nowMs() + pauseMs >= deadlineMs) {
        throw inDoubt ? unknownAfter(error, count + 1) : error;
      }
      await pause(clock, pauseMs, signal);
    }
  }
}

function doublings(count: number): number {
  return 2 ** Math.min(count, 16);
}

function unknownAfter(error: EngineError, attempts: number): EngineError {
  // What ends the session or the client is told by its own name, everything else is a lost answer.
  const isEnd = error.code === "SESSION_EXPIRED" || error.code === "CLOSED";
  return new EngineError(
    isEnd ? error.code : "OUTCOME_UNKNOWN",
    `${error.message}; sent ${attempts} times, and an answer may have been lost: the write may or may not have taken effect`,
    { cause: error, outcome: "unknown" },
  );
}
