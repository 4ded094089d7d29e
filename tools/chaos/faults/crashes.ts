import { setTimeout as pause } from "node:timers/promises";
import type { Host } from "../network/host.js";
import { awaitLeader, drawTimeouts, type Fault, type FaultContext, minorityOf } from "./fault.js";

/** How often a node is killed once more while it starts. */
const killInStartShare = 0.25;
const killInStartMsMax = 800;

/** `kill -9` of one node. */
export const killOne: Fault = (context) => {
  const { random, cluster } = context;
  return killAndRestart(context, [random.pick(cluster.nodes)]);
};

/** `kill -9` of the node that leads. */
export const killLeader: Fault = async (context) => {
  const leader = await awaitLeader(context);
  return leader !== undefined && (await killAndRestart(context, [leader]));
};

/** `kill -9` of as many nodes at once as the cluster must bear. */
export const killMinority: Fault = (context) => {
  const { random, cluster } = context;
  return killAndRestart(context, random.shuffle(cluster.nodes).slice(0, minorityOf(context)));
};

/** `kill -9` of all nodes at once (scenario 50). */
export const killAll: Fault = (context) => killAndRestart(context, context.cluster.nodes);

/** A leader that is asked to stop, as in a rolling upgrade. */
export const restartLeader: Fault = async (context) => {
  const leader = await awaitLeader(context);
  return leader !== undefined && (await closeAndRestart(context, leader));
};

/** A node that is asked to stop, whichever it is. */
export const restartOne: Fault = (context) =>
  closeAndRestart(context, context.random.pick(context.cluster.nodes));

async function killAndRestart(context: FaultContext, nodes: readonly Host[]): Promise<boolean> {
  const { cluster, note, random } = context;
  const downMs = drawTimeouts(context, 0.1, 6);
  note(`kill -9 of ${nodes.join(", ")}, down for ${downMs} ms`);
  const hits = await Promise.all(nodes.map((node) => cluster.kill(node)));
  await pause(downMs);
  await Promise.all(random.shuffle(nodes).map((node) => restart(context, node)));
  return hits.includes(true);
}

async function restart({ cluster, random, note }: FaultContext, node: Host): Promise<void> {
  if (!random.chance(killInStartShare)) return await cluster.start(node);
  const starting = cluster.start(node);
  await Promise.race([pause(random.between(1, killInStartMsMax)), starting]);
  note(`kill -9 of ${node} while it starts`);
  await cluster.kill(node);
  await starting;
  await cluster.start(node);
}

async function closeAndRestart(context: FaultContext, node: Host): Promise<boolean> {
  const { cluster, note } = context;
  const downMs = drawTimeouts(context, 0.1, 4);
  note(`SIGTERM to ${node}, down for ${downMs} ms`);
  const hit = await cluster.closeGracefully(node);
  await pause(downMs);
  await cluster.start(node);
  return hit;
}
