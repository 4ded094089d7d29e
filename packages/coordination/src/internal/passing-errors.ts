import { type EngineErrorCode, isEngineError } from "@d-engine/core";

/** What another attempt, a little later, may not meet any more. */
const passing: ReadonlySet<EngineErrorCode> = new Set<EngineErrorCode>([
  "NOT_LEADER",
  "LEADER_CHANGED",
  "CLUSTER_UNAVAILABLE",
  "RATE_LIMITED",
  "DISK_FULL",
  "STORAGE_IO_ERROR",
  "CONNECTION_TIMEOUT",
  "OUTCOME_UNKNOWN",
  "PROPOSE_FAILED",
  "WATCH_BUFFER_OVERFLOW",
]);

/** Whether what failed says nothing about the request itself, so that it is worth repeating. */
export function isPassing(error: unknown): boolean {
  return isEngineError(error) && passing.has(error.code);
}

/** Milliseconds between two attempts; the client's own retries lie within each. */
export const REPEAT_PAUSE_MS = 100;
