import { EngineError } from "@d-engine/core";
import { type SimulatedTest, type SimulateOptions, simulate } from "./simulate.js";
import { SimulationError } from "./simulation-error.js";
import type { SimulationResult } from "./simulation-result.js";

/** Which seeds are run, one after the other. */
export interface SeedRange {
  /** The first seed. */
  readonly from: number;
  /** The last seed, included. */
  readonly to: number;
  /**
   * Gets the report of the seed that failed, before the error is thrown.
   * @defaultValue `console.error`
   */
  readonly onFailure?: (report: string) => void;
}

/** What all seeds together came to. */
export interface SeedsResult {
  readonly seeds: number;
  readonly virtualMs: number;
  readonly events: number;
  /** How many faults struck in all. */
  readonly faults: number;
}

/**
 * Runs `test` once for each seed, as `simulate` does. The first seed is run twice, to notice a
 * test that depends on anything but its seed. At the first failure its report, with the faults
 * and events that led to it, is printed, and its error is thrown.
 *
 * The environment variable `D_ENGINE_SEED`, as `17` or `1000..1999`, replaces the range.
 */
export async function simulateSeeds(
  options: SeedRange & Omit<SimulateOptions, "seed">,
  test: SimulatedTest,
): Promise<SeedsResult> {
  const { from, to, onFailure, ...rest } = options;
  const range = onFailure === undefined ? { from, to } : { from, to, onFailure };
  return await forEachSeed(range, (seed) => simulate({ ...rest, seed }, test));
}

/** `simulateSeeds` for any kind of simulation: `run` is called with each seed. */
export async function forEachSeed(
  range: SeedRange,
  run: (seed: number) => Promise<SimulationResult>,
): Promise<SeedsResult> {
  const { first, last } = seedsOf(range);
  const total = { seeds: 0, virtualMs: 0, events: 0, faults: 0 };
  try {
    for (let seed = first; seed <= last; seed += 1) {
      const result = await run(seed);
      if (seed === first) checkRepeats(result, await run(seed));
      total.seeds += 1;
      total.virtualMs += result.virtualMs;
      total.events += result.events;
      total.faults += Object.values(result.faults).reduce((sum, count) => sum + count, 0);
    }
  } catch (error) {
    if (error instanceof SimulationError) (range.onFailure ?? console.error)(error.report);
    throw error;
  }
  return total;
}

function checkRepeats(result: SimulationResult, again: SimulationResult): void {
  if (again.hash === result.hash) return;
  const reason =
    `run twice, it was not the same (hash ${result.hash}, then ${again.hash}): the test depends ` +
    "on more than its seed, as on Math.random, the time of day, real timers, or state that it keeps";
  throw new SimulationError({
    seed: result.seed,
    reason,
    report: `seed ${result.seed}: ${reason}`,
  });
}

/** The seeds of the environment, or else those of the range. */
function seedsOf({ from, to }: SeedRange): { readonly first: number; readonly last: number } {
  const named = process.env.D_ENGINE_SEED;
  if (named !== undefined && named !== "") {
    const match = /^(\d{1,15})(?:\.\.(\d{1,15}))?$/.exec(named);
    if (match === null) {
      const message = `D_ENGINE_SEED must be a seed or A..B, got "${named}"`;
      throw new EngineError("INVALID_REQUEST", message);
    }
    const first = Number(match[1]);
    return { first, last: match[2] === undefined ? first : Number(match[2]) };
  }
  if (Number.isSafeInteger(from) && Number.isSafeInteger(to) && from >= 0 && to >= from) {
    return { first: from, last: to };
  }
  const message = `seeds go from an integer to one not below it, got ${from} to ${to}`;
  throw new EngineError("INVALID_REQUEST", message);
}
