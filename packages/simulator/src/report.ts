import type { RunResult } from "./run-plan.js";
import type { Plan } from "./swarm/plan.js";

/** What somebody needs to know about a run that failed: rule, plan, and how it came to it. */
export function failureReport(result: RunResult): string {
  const { plan, violation } = result;
  return [
    `seed ${plan.seed} breaks ${violation?.rule}: ${violation?.message}`,
    `event hash ${result.eventHash}, ${result.events} events, ${Math.round(result.simulatedMs)} ms`,
    planSummary(plan),
    "faults:",
    ...plan.faults.map((fault) => `  ${fault.atMs} ms ${describeFault(fault)}`),
    `the last ${result.tail.length} events:`,
    ...result.tail,
  ].join("\n");
}

export function planSummary(plan: Plan): string {
  const { voters, learners, raft, disk, network, workload, ending } = plan;
  return [
    `${voters} voters, ${learners} learners; election timeout ${raft.electionTimeoutMs} ms, ` +
      `heartbeat ${raft.heartbeatIntervalMs} ms, latency ${network.latencyMs.toFixed(1)} ms, ` +
      `sync ${disk.syncMs.toFixed(1)} ms, segments of ${disk.segmentBytes} bytes`,
    `${workload.clients} clients on ${workload.keys} keys, ${plan.faults.length} faults in ` +
      `${plan.faultyMs} ms, then ${ending.kind === "healAll" ? "all healed" : JSON.stringify(ending)}`,
  ].join("\n");
}

function describeFault(fault: Plan["faults"][number]): string {
  const rest: Record<string, unknown> = { ...fault };
  delete rest.atMs;
  delete rest.kind;
  return `${fault.kind} ${JSON.stringify(rest)}`;
}
