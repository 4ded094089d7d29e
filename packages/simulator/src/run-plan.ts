import type { HistoryCounts } from "./checkers/linearizability.js";
import type { Violation } from "./checkers/witness.js";
import { Run } from "./run.js";
import type { Plan } from "./swarm/plan.js";

/** What a run came to. */
export interface RunResult {
  readonly plan: Plan;
  /** The first broken promise; `undefined` when all held. */
  readonly violation: Violation | undefined;
  /** Equal for runs of equal plans. */
  readonly eventHash: string;
  readonly events: number;
  readonly simulatedMs: number;
  readonly counts: HistoryCounts | undefined;
  readonly coverage: ReadonlyMap<string, number>;
  /** The newest events, oldest first, for the report of a failure. */
  readonly tail: readonly string[];
}

export interface RunOptions {
  /** Lines of events to hand back. */
  readonly tailLines?: number;
}

/**
 * Runs a plan: faults and load; healing; then a bounded time to elect, to serve and to agree; at
 * last the history is judged.
 */
export async function runPlan(plan: Plan, options: RunOptions = {}): Promise<RunResult> {
  const run = new Run(plan);
  run.begin();
  run.injector.plan(plan.faults);
  await run.cluster.world.run(plan.faultyMs);
  const counts = await run.finish();
  const { world, witness, coverage, network } = run.cluster;
  coverage.add("message duplicated", network.counters.duplicated);
  coverage.add("message strayed", network.counters.strayed);
  return {
    plan,
    violation: witness.violation,
    eventHash: world.trace.hash,
    events: world.trace.count,
    simulatedMs: world.nowMs,
    counts,
    coverage: coverage.counts,
    tail: world.trace.tail(options.tailLines ?? 0),
  };
}
