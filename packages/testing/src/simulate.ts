import { ObservedStore } from "@d-engine/simulator";
import { resolveSimulation, type SimulationOptions } from "./simulate-options.js";
import { SimulatedCluster } from "./simulated-cluster.js";
import { Simulation } from "./simulation.js";
import type { SimulationResult } from "./simulation-result.js";
import { installVirtualGlobals } from "./virtual-globals.js";

/** The code under test: ends when it has seen enough, throws when something is wrong. */
export type SimulatedTest = (cluster: SimulatedCluster) => unknown;

/** Options of `simulate`. */
export interface SimulateOptions extends SimulationOptions {
  /**
   * Whether `setTimeout` and its kin, `AbortSignal.timeout`, `Date`, `performance.now` and
   * `Math.random` of this process mean virtual time and the seed while the simulation runs: for
   * code that takes neither from outside. Code that keeps a reference to the real ones, as to
   * what `node:timers` exports, keeps that. One such simulation at a time.
   * @defaultValue false
   */
  readonly virtualGlobals?: boolean;
}

/**
 * Runs `test` on a cluster in memory: the production driver, store, log and client on a simulated
 * network, disk and clock, with faults drawn from the seed. The same seed gives the same run, as
 * long as the test takes its time from `cluster.clock` and its chance from `cluster.random`, or
 * says `virtualGlobals`.
 *
 * Rejects with `SimulationError` when the test throws, does not end within its bounds, or an
 * invariant of the engine breaks; with `INVALID_REQUEST` for options that cannot be used.
 *
 * @example
 * await simulate({ seed: 42, faults: ["messageLoss"] }, async (cluster) => {
 *   const client = cluster.client();
 *   await client.put("a", "1");
 *   await cluster.crash("leader");
 *   await cluster.advance(5_000);
 *   expect(await client.getString("a")).toBe("1");
 * });
 */
export async function simulate(
  options: SimulateOptions,
  test: SimulatedTest,
): Promise<SimulationResult> {
  const { virtualGlobals = false, ...rest } = options;
  // Values of a user's code need not name the attempt that wrote them.
  const simulation = new Simulation(
    resolveSimulation(rest),
    (_nodeId, watch) =>
      new ObservedStore({
        ...watch,
        applied: (entry) => watch.applied({ ...entry, attempt: undefined }),
      }),
  );
  const cluster = new SimulatedCluster(simulation);
  const restore = virtualGlobals
    ? installVirtualGlobals(cluster.clock, simulation.random.split("globals"))
    : undefined;
  try {
    return await simulation.run(() => test(cluster));
  } finally {
    restore?.();
  }
}
