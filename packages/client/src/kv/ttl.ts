import { EngineError } from "@d-engine/core";

/** A time to live as it was given. Throws `INVALID_REQUEST` for what is none. */
export function checkTtl(ttlMs: number | undefined): number | undefined {
  if (ttlMs === undefined || (Number.isSafeInteger(ttlMs) && ttlMs >= 1)) return ttlMs;
  throw new EngineError(
    "INVALID_REQUEST",
    `ttlMs must be an integer of milliseconds, 1 or more, got ${ttlMs}`,
  );
}
