import { EngineError } from "@d-engine/client";
import { Cron } from "croner";

/** The times of a cron expression, as milliseconds since the epoch: whole seconds. */
export interface CronTimes {
  /** The last one at `atMs` or before; `undefined` when there was none. */
  latest(atMs: number): number | undefined;
  /** The first one after `afterMs`; `undefined` when there is none any more. */
  next(afterMs: number): number | undefined;
}

/**
 * Reads a cron expression of five fields, or six with seconds first. Where the clocks of the zone
 * are changed, a fixed time that does not exist is taken right after the gap, and one that exists
 * twice is taken once; what comes every so often goes by what the clocks show.
 *
 * @throws EngineError `INVALID_REQUEST` for what is no cron expression or time zone, and for what
 *   does not come again and again
 */
export function cronTimes(expression: string, timezone: string): CronTimes {
  const times = parsed(expression, timezone);
  return {
    latest(atMs) {
      // The parser's own "previous" leaves out the moment it is asked about.
      const afterMs = Math.floor(atMs / 1000) * 1000 + 1000;
      return times.previousRuns(1, new Date(afterMs))[0]?.getTime();
    },
    next(afterMs) {
      return times.nextRun(new Date(Math.floor(afterMs / 1000) * 1000))?.getTime();
    },
  };
}

function parsed(expression: string, timezone: string): Cron {
  if (typeof expression !== "string") {
    throw refused(expression, timezone, "it must be a string");
  }
  try {
    const cron = new Cron(expression, { timezone, paused: true, mode: "5-or-6-parts" });
    // A single date is read as well; it is no schedule.
    if (cron.nextRuns(2, new Date(0)).length === 2) return cron;
  } catch (cause) {
    throw refused(expression, timezone, cause instanceof Error ? cause.message : "", cause);
  }
  throw refused(expression, timezone, "it comes true less than twice");
}

function refused(expression: unknown, timezone: string, why: string, cause?: unknown): EngineError {
  return new EngineError(
    "INVALID_REQUEST",
    `no times of the cron expression ${JSON.stringify(expression)} in ${timezone}: ${why}`,
    { cause },
  );
}
