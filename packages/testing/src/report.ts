import type { Simulation } from "./simulation.js";

const reportedEvents = 80;
const reportedFaults = 200;
/** More than any trace keeps. */
const allEvents = 1_000_000;

/** Everything that helps to understand a failure, and to see it again. */
export function failureReport(simulation: Simulation, reason: string): string {
  const { options, cluster, faults } = simulation;
  const { plan, seed } = options;
  const { world } = cluster;
  return [
    `seed ${seed} failed: ${reason}`,
    `repeat it with D_ENGINE_SEED=${seed} in the environment, or with { seed: ${seed} }`,
    `${plan.voters} nodes, ${plan.learners} learners; half of all messages within ` +
      `${plan.network.latencyMs.toFixed(1)} ms, a sync in about ${plan.disk.syncMs.toFixed(1)} ms`,
    `${Math.round(world.nowMs)} ms of virtual time, ${world.trace.count} noted events, ` +
      `hash ${world.trace.hash}`,
    "faults:",
    ...faults.struck
      .slice(-reportedFaults)
      .map(({ atMs, what }) => `${atMs.toFixed(3).padStart(11)}  ${what}`),
    ...lastEvents(simulation),
  ].join("\n");
}

/** What nodes say to each other matters only where the engine itself may be wrong. */
function lastEvents({ cluster }: Simulation): string[] {
  const { world, witness } = cluster;
  if (witness.violation !== undefined) {
    return ["the last events:", ...world.trace.tail(reportedEvents)];
  }
  const events = world.trace.tail(allEvents).filter((line) => !betweenNodes.test(line));
  return ["the last events, without messages between nodes:", ...events.slice(-reportedEvents)];
}

const betweenNodes = /^ *[\d.]+ {2}node \d+ {2}receives /;
