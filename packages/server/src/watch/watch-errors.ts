import { type EngineError, isEngineError } from "@d-engine/core";

/**
 * Whether an error concerns this watch alone, and is told in a message of the stream. Every other one
 * is of the node, and ends the stream with its status: come back later, or elsewhere.
 */
export function concernsWatch(error: unknown): error is EngineError {
  return isEngineError(error) && ofOneWatch.has(error.code);
}

const ofOneWatch: ReadonlySet<string> = new Set([
  "COMPACTED",
  "INVALID_REQUEST",
  "PERMISSION_DENIED",
  "RATE_LIMITED",
  "WATCH_BUFFER_OVERFLOW",
]);
