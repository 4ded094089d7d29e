import type { Prng } from "@d-engine/simulator";
import { NamespaceNetwork } from "./namespace-network.js";
import type { Network } from "./network.js";
import { ProxyNetwork } from "./proxy-network.js";

/** Builds the network between the hosts of a run. Rejects, saying why, where it cannot be had. */
export async function openNetwork(
  kind: Network["kind"],
  nodeCount: number,
  random: Prng,
): Promise<Network> {
  switch (kind) {
    case "proxy":
      return await ProxyNetwork.open(nodeCount, random);
    case "namespaces":
      return await openNamespaces(nodeCount, random);
  }
}

async function openNamespaces(nodeCount: number, random: Prng): Promise<Network> {
  const reason = await NamespaceNetwork.unavailable();
  if (reason !== undefined) throw new Error(`${reason}; --network proxy needs nothing`);
  return await NamespaceNetwork.open(nodeCount, random);
}
