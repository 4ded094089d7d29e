import { setTimeout as pause } from "node:timers/promises";
import { type Host, OUTSIDE } from "../network/host.js";
import {
  allHosts,
  awaitLeader,
  drawTimeouts,
  type Fault,
  type FaultContext,
  minorityOf,
} from "./fault.js";

/** From one host to another. */
type Way = readonly [from: Host, to: Host];

/** The leader, with the clients beside it, on one side; the others on the other. */
export const isolateLeader: Fault = async (context) => {
  const leader = await awaitLeader(context);
  return leader !== undefined && (await split(context, [leader]));
};

/** Any minority on one side. */
export const splitMinority: Fault = (context) => {
  const { random, cluster } = context;
  const size = random.between(1, minorityOf(context));
  return split(context, random.shuffle(cluster.nodes).slice(0, size));
};

/** The leader sends and does not hear, or the other way round (scenario 7). */
export const leaderOneWay: Fault = async (context) => {
  const leader = await awaitLeader(context);
  if (leader === undefined) return false;
  return await blockFor(context, oneWay(context, leader));
};

/** A follower hears nothing and is heard, or the other way round (scenario 8). */
export const followerOneWay: Fault = async (context) => {
  const { cluster, random } = context;
  const leader = await awaitLeader(context);
  const follower = random.pick(cluster.nodes.filter((node) => node !== leader));
  return await blockFor(context, oneWay(context, follower));
};

/** Two nodes lose each other while the rest sees both (scenarios 9, 10). */
export const cutOneLink: Fault = (context) => {
  const { random, cluster } = context;
  const [one, other] = random.shuffle(cluster.nodes);
  return blockFor(context, between([one!], [other!]));
};

async function split(context: FaultContext, side: readonly Host[]): Promise<boolean> {
  const { random, cluster } = context;
  const rest: Host[] = cluster.nodes.filter((node) => !side.includes(node));
  // The clients of no node may stand on either side, or see both.
  const where = random.pick(["with the few", "with the many", "both"] as const);
  const few = where === "with the few" ? [...side, OUTSIDE] : side;
  const many = where === "with the many" ? [...rest, OUTSIDE] : rest;
  return await blockFor(context, between(few, many));
}

function oneWay(context: FaultContext, node: Host): Way[] {
  const { random } = context;
  const isDeaf = random.chance(0.5);
  const includesOutside = random.chance(0.3);
  return allHosts(context)
    .filter((host) => host !== node && (includesOutside || host !== OUTSIDE))
    .map((host) => (isDeaf ? [host, node] : [node, host]));
}

function between(one: readonly Host[], other: readonly Host[]): Way[] {
  return one.flatMap((a) =>
    other.flatMap((b): Way[] => [
      [a, b],
      [b, a],
    ]),
  );
}

/** Hit only if something was under way where nothing passed. */
async function blockFor(context: FaultContext, ways: readonly Way[]): Promise<boolean> {
  const { network, note, random } = context;
  const blockMs = drawTimeouts(context, 0.5, 10);
  const arrives = random.chance(0.5);
  const fate = arrives ? "then it arrives" : "then connections break";
  note(`${ways.map(([from, to]) => `${from}>${to}`).join(" ")} blocked for ${blockMs} ms, ${fate}`);
  const before = await network.heldBack();
  await Promise.all(ways.map(([from, to]) => network.block(from, to)));
  try {
    await pause(blockMs);
  } finally {
    if (!arrives) await Promise.all(ways.map(([from, to]) => network.cut(from, to)));
    await Promise.all(ways.map(([from, to]) => network.unblock(from, to)));
  }
  return (await network.heldBack()) > before;
}
