import type { Consistency } from "@d-engine/client";
import { EngineError } from "@d-engine/core";
import type { DriverOptions } from "./options.js";

/** The level at which a read is served. Throws `INVALID_REQUEST` for one that may not be asked. */
export function consistencyOf(
  asked: Consistency | undefined,
  { defaultConsistency, allowClientOverride }: DriverOptions,
): Consistency {
  if (asked === undefined || asked === defaultConsistency) return defaultConsistency;
  if (asked !== "linearizable" && asked !== "lease" && asked !== "eventual") {
    const known = "linearizable, lease or eventual";
    const message = `consistency must be ${known}, got ${JSON.stringify(asked)}`;
    throw new EngineError("INVALID_REQUEST", message);
  }
  if (allowClientOverride) return asked;
  throw new EngineError(
    "INVALID_REQUEST",
    `this node serves ${defaultConsistency} reads only (allowClientOverride is off), got ${asked}`,
  );
}
