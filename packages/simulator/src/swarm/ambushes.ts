import type { RaftStatus } from "@d-engine/core";
import type { SimulatedNode } from "../cluster/simulated-node.js";

/** Answers whether it has come about, with this node in this state. */
export type Ambush = (node: SimulatedNode, status: RaftStatus) => boolean;

/** What waits for a node to come into some state. */
export class Ambushes {
  #waiting: readonly Ambush[] = [];

  lay(ambush: Ambush): void {
    this.#waiting = [...this.#waiting, ambush];
  }

  clear(): void {
    this.#waiting = [];
  }

  /** To be told of each node after each event in it. */
  stepped(node: SimulatedNode, status: RaftStatus): void {
    if (this.#waiting.length === 0) return;
    this.#waiting = this.#waiting.filter((ambush) => !ambush(node, status));
  }
}

/** Calls `strike` when a node has been in the state for `events` events. */
export function ambushOf(
  state: "receiving" | "joint",
  events: number,
  strike: (node: SimulatedNode) => void,
): Ambush {
  let left = events;
  return (node, status) => {
    if (!isIn(state, node, status)) return false;
    left -= 1;
    if (left > 0) return false;
    strike(node);
    return true;
  };
}

function isIn(state: "receiving" | "joint", node: SimulatedNode, status: RaftStatus): boolean {
  if (state === "receiving") return (node.driver?.metrics().snapshotsReceiving ?? 0) > 0;
  return status.role === "leader" && status.configuration.outgoingVoters !== undefined;
}

/** Calls `strike` when a node comes to lead. */
export function ambushAtElection(strike: (node: SimulatedNode) => void): Ambush {
  return (node, status) => {
    if (status.role !== "leader" || node.statusBefore?.role === "leader") return false;
    strike(node);
    return true;
  };
}
