import type { Prng } from "@d-engine/simulator";
import type { Network } from "./network.js";
import { ProxyNetwork } from "./proxy-network.js";

/** Builds the network between the hosts of a run. */
export async function openNetwork(
  kind: Network["kind"],
  nodeCount: number,
  random: Prng,
): Promise<Network> {
  switch (kind) {
    case "proxy":
      return await ProxyNetwork.open(nodeCount, random);
    case "namespaces":
      throw new Error("not yet");
  }
}
