import { EngineError } from "@d-engine/core";
import type { CoordinationClient } from "../coordination-client.js";
import { positive } from "../map/map-options.js";
import { ownershipsOf } from "../ownership/ownerships.js";
import { recipePrefix } from "../recipe-keys.js";
import { portsOf } from "../recipe-ports.js";
import { cronTimes } from "./cron-times.js";
import type { ScheduledRun } from "./scheduled-run.js";
import { type Schedule, Scheduler } from "./scheduler.js";

/** Options of `schedule`. */
export interface ScheduleOptions {
  /**
   * What becomes of a time at which nobody was there to run it, or that a process began and did not
   * live to end. `run`: it is run once as soon as somebody can, the latest one only when several
   * were missed. `skip`: it is left out.
   * @defaultValue "skip"
   */
  readonly missed?: "run" | "skip";
  /**
   * Milliseconds after its time from which a run counts as missed.
   * @defaultValue 60000
   */
  readonly graceMs?: number;
  /**
   * Name of the zone in which the expression is read.
   * @defaultValue "UTC": the zone of a machine is not the zone of a cluster
   */
  readonly timezone?: string;
  /**
   * Milliseconds after which the run of a process that died is over, 1,000 to 86,400,000.
   * @defaultValue 10000
   */
  readonly ttlMs?: number;
  /** Told of what the work rejects with, and of a schedule that ends by an error of the cluster. */
  readonly onError?: (error: unknown) => void;
  /** Ends it, as `close` does. */
  readonly signal?: AbortSignal;
}

/**
 * Runs `work` at the times of a cron expression, once in the cluster, by whichever process is first;
 * call it in every process that can do the work. One run at a time: what falls due meanwhile waits
 * for its end. The first call ever under a name begins with the next time.
 *
 * With `missed: "skip"` the work of each time is begun at most once; with `run` it is begun until a
 * process has come to its end, also by rejecting. Times are those of the processes' own clocks: one
 * that is fast is early.
 *
 * `run.signal` aborts before another process can begin again, as far as `Held` says; what the work
 * does outside the engine carries `run.token`.
 *
 * @example
 * await using nightly = schedule(client, "cleanup", "0 3 * * *", async ({ signal, token }) => {
 *   await cleanUp({ signal, fencingToken: token });
 * }, { timezone: "Europe/Berlin", missed: "run" });
 * @throws EngineError `INVALID_REQUEST` for a name, an expression, a zone or a bound that is none
 */
export function schedule(
  client: CoordinationClient,
  name: string,
  cron: string,
  work: (run: ScheduledRun) => Promise<unknown> | unknown,
  options: ScheduleOptions = {},
): Schedule {
  const { missed = "skip", timezone = "UTC", ttlMs, onError, signal } = options;
  if (missed !== "run" && missed !== "skip") {
    const got = JSON.stringify(missed);
    throw new EngineError("INVALID_REQUEST", `missed must be "run" or "skip", got ${got}`);
  }
  return new Scheduler({
    ports: portsOf(client),
    ownerships: ownershipsOf(client, ttlMs),
    prefix: recipePrefix("schedule", name),
    what: `schedule ${JSON.stringify(name)}`,
    times: cronTimes(cron, timezone),
    missed,
    graceMs: positive("graceMs", options.graceMs, graceMsDefault),
    work,
    onError: onError ?? (() => undefined),
    signal,
  });
}

const graceMsDefault = 60_000;
