import { EngineError } from "@d-engine/core";
import { type ClusterPlan, Prng } from "@d-engine/simulator";
import { FAULT_CLASSES, type FaultClass } from "./faults/fault-class.js";

/** What one simulation is made from; the same options and seed give the same simulation. */
export interface SimulationOptions {
  /** Decides everything that is left to chance. An integer from 0 to 2^53 - 1. */
  readonly seed: number;
  /**
   * Voting members, 1 to 7.
   * @defaultValue 3
   */
  readonly nodes?: number;
  /**
   * Members that have a copy and do not vote, 0 to 7.
   * @defaultValue 0
   */
  readonly learners?: number;
  /**
   * What goes wrong by itself, or `"all"`. It begins when the first leader serves, and goes on
   * until the test calls `heal`.
   * @defaultValue []
   */
  readonly faults?: readonly FaultClass[] | "all";
  /**
   * Silence after which a new leader is elected, in milliseconds, 50 to 60,000; also the measure
   * of how long faults last.
   * @defaultValue 1000
   */
  readonly electionTimeoutMs?: number;
  /**
   * Virtual milliseconds after which a test that has not ended fails.
   * @defaultValue 600_000
   */
  readonly virtualMsMax?: number;
  /**
   * Simulated events after which a test that has not ended fails, 1 to 5,000,000.
   * @defaultValue 2_000_000
   */
  readonly eventsMax?: number;
}

/** The bounds of a simulation where its options say nothing. */
export const SIMULATION_DEFAULTS = Object.freeze({
  nodes: 3,
  learners: 0,
  faults: Object.freeze([]) as readonly FaultClass[],
  electionTimeoutMs: 1_000,
  virtualMsMax: 600_000,
  eventsMax: 2_000_000,
});

export interface ResolvedSimulation {
  readonly seed: number;
  readonly faults: readonly FaultClass[];
  readonly virtualMsMax: number;
  readonly eventsMax: number;
  readonly plan: ClusterPlan;
}

/** Fills in what is not given. Throws one `INVALID_REQUEST` that names every bad field. */
export function resolveSimulation(options: SimulationOptions): ResolvedSimulation {
  const given = Object.fromEntries(Object.entries(options).filter(([, v]) => v !== undefined));
  const all = { ...SIMULATION_DEFAULTS, ...given } as Required<SimulationOptions>;
  const problems = Object.keys(given)
    .filter((name) => name !== "seed" && !(name in SIMULATION_DEFAULTS))
    .map((name) => `${name} is not an option`);
  const check = (name: keyof SimulationOptions, min: number, max: number): void => {
    const value = all[name];
    if (typeof value === "number" && Number.isInteger(value) && value >= min && value <= max)
      return;
    problems.push(`${name} must be an integer from ${min} to ${max}, got ${String(value)}`);
  };
  check("seed", 0, Number.MAX_SAFE_INTEGER);
  check("nodes", 1, 7);
  check("learners", 0, 7);
  check("electionTimeoutMs", 50, 60_000);
  check("virtualMsMax", 1, Number.MAX_SAFE_INTEGER);
  check("eventsMax", 1, 5_000_000);
  const faults = all.faults === "all" ? FAULT_CLASSES : all.faults;
  for (const name of faults) {
    if (FAULT_CLASSES.includes(name)) continue;
    problems.push(`fault "${String(name)}" is none of ${FAULT_CLASSES.join(", ")}`);
  }
  if (problems.length > 0) throw new EngineError("INVALID_REQUEST", problems.join("; "));
  return {
    seed: all.seed,
    faults: [...new Set(faults)],
    virtualMsMax: all.virtualMsMax,
    eventsMax: all.eventsMax,
    plan: planOf(all),
  };
}

/** The seed chooses the machines and wires: from a fast local network to a slow, uneven one. */
function planOf(options: Required<SimulationOptions>): ClusterPlan {
  const { seed, nodes, learners, electionTimeoutMs } = options;
  const random = new Prng(seed).split("machines");
  return {
    seed,
    voters: nodes,
    learners,
    raft: {
      electionTimeoutMs,
      heartbeatIntervalMs: electionTimeoutMs / 10,
      appendEntriesMax: 4_096,
      inflightMessagesMax: 64,
      logCacheBytes: 64 * 1024 * 1024,
    },
    network: {
      latencyMs: random.logUniform(0.1, electionTimeoutMs / 50),
      jitterMs: random.logUniform(0.05, electionTimeoutMs / 50),
      reorder: random.chance(0.3),
    },
    disk: { syncMs: random.logUniform(0.1, electionTimeoutMs / 50), segmentBytes: 2 * 1024 * 1024 },
    stallChance: 0,
  };
}
