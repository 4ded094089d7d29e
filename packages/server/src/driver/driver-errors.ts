import { EngineError, isEngineError, type LeaderHint, type Refusal } from "@d-engine/core";

/** The core's refusal as the caller sees it. */
export function refusalError(
  refusal: Refusal,
  leader: LeaderHint | undefined,
  retryAfterMs: number,
): EngineError {
  return new EngineError(refusal.code, refusal.message, {
    leader,
    retryAfterMs: refusal.code === "RATE_LIMITED" ? retryAfterMs : undefined,
  });
}

export function rateLimited(what: string, retryAfterMs: number): EngineError {
  return new EngineError("RATE_LIMITED", `${what}; retry in ${retryAfterMs} ms`, { retryAfterMs });
}

export function diskFull(): EngineError {
  return new EngineError(
    "DISK_FULL",
    "the disk has no room for another log segment; reads go on, writes resume when there is room",
  );
}

/** For calls that come when the node no longer serves. */
export function notServing(cause: Error | undefined): EngineError {
  if (cause === undefined) return new EngineError("CLOSED", "the engine is closing or closed");
  return stopped("the engine has stopped", cause);
}

/** For work without effect that a failing node gives up. */
export function stopped(what: string, cause: Error): EngineError {
  if (isEngineError(cause, "NODE_REMOVED")) {
    return new EngineError("NODE_REMOVED", `${what}: ${cause.message}`, { cause });
  }
  return new EngineError("STORAGE_IO_ERROR", `${what}: ${cause.message}`, {
    cause,
    outcome: "rejected",
  });
}

/** For writes that a failing node had proposed: they may be on the disk, or on other nodes. */
export function stoppedWhileProposed(cause: Error): EngineError {
  return new EngineError(
    isEngineError(cause, "NODE_REMOVED") ? "OUTCOME_UNKNOWN" : "STORAGE_IO_ERROR",
    `the engine stopped before the write was acknowledged: ${cause.message}`,
    { cause },
  );
}

export function badTimeout(timeoutMs: unknown): EngineError {
  return new EngineError(
    "INVALID_REQUEST",
    `timeoutMs must be a positive number of milliseconds, got ${String(timeoutMs)}`,
  );
}
