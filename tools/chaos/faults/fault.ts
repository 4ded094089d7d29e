import type { Prng } from "@d-engine/simulator";
import type { ChaosCluster } from "../chaos-cluster.js";
import { type Host, OUTSIDE } from "../network/host.js";
import type { Network } from "../network/network.js";

/** What a fault works with. */
export interface FaultContext {
  readonly cluster: ChaosCluster;
  readonly network: Network;
  readonly random: Prng;
  readonly electionTimeoutMs: number;
  /** Tells what is done, for people. */
  readonly note: (text: string) => void;
}

/**
 * Makes things go wrong, waits, and puts them right again. Resolves to whether there was anything
 * to hit. Rejects when a node does not do what it must, such as start or close.
 */
export type Fault = (context: FaultContext) => Promise<boolean>;

/** A time of `from` to `to` election timeouts, short ones as likely as long ones. */
export function drawTimeouts(
  { random, electionTimeoutMs }: FaultContext,
  from: number,
  to: number,
): number {
  return Math.round(random.logUniform(from, to) * electionTimeoutMs);
}

/** The node that leads, after a wait for one if need be. */
export async function awaitLeader(context: FaultContext): Promise<Host | undefined> {
  const { cluster, electionTimeoutMs } = context;
  return cluster.leader ?? (await cluster.nextLeader(10 * electionTimeoutMs));
}

/** All nodes, and where the clients without a node are. */
export function allHosts({ cluster }: FaultContext): Host[] {
  return [OUTSIDE, ...cluster.nodes];
}

/** How many nodes may be lost without losing the majority. */
export function minorityOf({ cluster }: FaultContext): number {
  return Math.floor((cluster.nodes.length - 1) / 2);
}
