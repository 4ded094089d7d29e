import type { Fault, Plan } from "./plan.js";

/** Whether a smaller plan still fails in the same way. */
export type FailsAlike = (plan: Plan) => Promise<boolean>;

/**
 * Looks for a smaller plan with the same failure: fewer faults first, then fewer nodes, clients
 * and kinds of operation, then a shorter run. Tries at most `runsMax` plans; the answer is the
 * smallest that failed.
 */
export async function shrinkPlan(plan: Plan, fails: FailsAlike, runsMax = 300): Promise<Plan> {
  let best = plan;
  let runs = 0;
  const attempt = async (candidate: Plan): Promise<boolean> => {
    if (runs >= runsMax) return false;
    runs += 1;
    if (!(await fails(candidate))) return false;
    best = candidate;
    return true;
  };
  for (let before: Plan | undefined; before !== best && runs < runsMax; ) {
    before = best;
    await shrinkFaults(() => best, attempt);
    for (const simpler of simplifications) {
      for (let next = simpler(best); next !== undefined; next = simpler(best)) {
        if (!(await attempt(next))) break;
      }
    }
  }
  return best;
}

/** Takes away chunks of faults, halves first, then smaller ones down to single faults. */
async function shrinkFaults(
  current: () => Plan,
  attempt: (plan: Plan) => Promise<boolean>,
): Promise<void> {
  let size = Math.ceil(current().faults.length / 2);
  while (size >= 1) {
    for (let at = 0; at < current().faults.length; ) {
      const { faults } = current();
      const left = [...faults.slice(0, at), ...faults.slice(at + size)];
      if (!(await attempt({ ...current(), faults: left }))) at += size;
    }
    if (size === 1) return;
    size = Math.ceil(size / 2);
  }
}

/** Each gives the next simpler plan of its kind, or nothing when there is none. */
const simplifications: readonly ((plan: Plan) => Plan | undefined)[] = [
  (plan) => (plan.ending.kind === "healAll" ? undefined : { ...plan, ending: { kind: "healAll" } }),
  (plan) => (plan.stallChance === 0 ? undefined : { ...plan, stallChance: 0 }),
  (plan) => (plan.learners === 0 ? undefined : withNodes(plan, plan.voters, plan.learners - 1)),
  (plan) => (plan.voters === 1 ? undefined : withNodes(plan, plan.voters - 1, plan.learners)),
  (plan) => withWorkload(plan, plan.workload.clients > 1, { clients: plan.workload.clients - 1 }),
  (plan) => withWorkload(plan, plan.workload.keys > 1, { keys: 1 }),
  (plan) =>
    withWorkload(plan, plan.workload.mix.delete > 0, { mix: { ...plan.workload.mix, delete: 0 } }),
  (plan) =>
    withWorkload(plan, plan.workload.mix.cas > 0, { mix: { ...plan.workload.mix, cas: 0 } }),
  (plan) => {
    const faultyMs = Math.floor(plan.faultyMs / 2);
    if (faultyMs < 500) return undefined;
    return { ...plan, faultyMs, faults: plan.faults.filter(({ atMs }) => atMs < faultyMs) };
  },
];

function withWorkload(
  plan: Plan,
  applies: boolean,
  change: Partial<Plan["workload"]>,
): Plan | undefined {
  return applies ? { ...plan, workload: { ...plan.workload, ...change } } : undefined;
}

/** The same plan on fewer nodes, without what concerned the others. */
function withNodes(plan: Plan, voters: number, learners: number): Plan {
  const nodes = voters + learners;
  const { ending } = plan;
  return {
    ...plan,
    voters,
    learners,
    faults: plan.faults.filter((fault) => concerns(fault, nodes)),
    ending:
      ending.kind === "healAll"
        ? ending
        : { kind: "quorumOnly", broken: ending.broken.filter(({ id }) => id <= nodes) },
  };
}

function concerns(fault: Fault, nodes: number): boolean {
  if (fault.kind === "slowLink") return fault.from <= nodes && fault.to <= nodes;
  return !("target" in fault) || fault.target <= nodes;
}
