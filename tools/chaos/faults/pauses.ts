import { setTimeout as pause } from "node:timers/promises";
import type { Host } from "../network/host.js";
import { awaitLeader, drawTimeouts, type Fault, type FaultContext } from "./fault.js";

/** The leader stops for a while and does not know it (scenarios 38, 60). */
export const pauseLeader: Fault = async (context) => {
  const leader = await awaitLeader(context);
  return leader !== undefined && (await stopFor(context, leader, drawTimeouts(context, 0.5, 10)));
};

/** All nodes stop, one after the other or overlapping (scenario 60). */
export const pauseWave: Fault = async (context) => {
  const { cluster, random } = context;
  const overlap = random.next();
  const stops: Promise<boolean>[] = [];
  for (const node of random.shuffle(cluster.nodes)) {
    const stopMs = drawTimeouts(context, 0.5, 4);
    stops.push(stopFor(context, node, stopMs));
    await pause(stopMs * (1 - overlap));
  }
  return (await Promise.all(stops)).includes(true);
};

/** Everybody but the leader stops: it must notice that it leads nobody. */
export const pauseFollowers: Fault = async (context) => {
  const leader = await awaitLeader(context);
  if (leader === undefined) return false;
  const stopMs = drawTimeouts(context, 0.5, 6);
  const others = context.cluster.nodes.filter((node) => node !== leader);
  const hits = await Promise.all(others.map((node) => stopFor(context, node, stopMs)));
  return hits.includes(true);
};

async function stopFor(context: FaultContext, node: Host, stopMs: number): Promise<boolean> {
  const running = context.cluster.process(node);
  if (running?.signal("SIGSTOP") !== true) return false;
  context.note(`SIGSTOP of ${node} for ${stopMs} ms`);
  try {
    await pause(stopMs);
  } finally {
    running.signal("SIGCONT");
  }
  return true;
}
