import { setTimeout as pause } from "node:timers/promises";
import { allHosts, drawTimeouts, type Fault } from "./fault.js";

/** Connections break again and again, and can be made again at once. */
export const resetConnections: Fault = async (context) => {
  const { random, network, note, cluster } = context;
  const times = random.between(1, 8);
  note(`connections broken ${times} times`);
  for (let time = 0; time < times; time++) {
    const one = random.pick(cluster.nodes);
    const other = random.pick(allHosts(context));
    await network.cut(one, other);
    await pause(drawTimeouts(context, 0.02, 0.5));
  }
  return true;
};

/** Some directions become slow, up to the point where heartbeats come too late. */
export const slowLinks: Fault = async (context) => {
  const { random, network, note } = context;
  const hosts = allHosts(context);
  const ways = hosts.flatMap((from) =>
    hosts.filter((to) => to !== from && random.chance(0.4)).map((to) => [from, to] as const),
  );
  note(`${ways.length} directions are slow`);
  for (const [from, to] of ways) network.delay(from, to, drawTimeouts(context, 0.01, 1.5));
  try {
    await pause(drawTimeouts(context, 1, 8));
  } finally {
    for (const [from, to] of ways) network.delay(from, to, 0);
  }
  return ways.length > 0;
};
