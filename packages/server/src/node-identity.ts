import { randomBytes } from "node:crypto";
import { LOG_ORIGIN, type NodeId, type NodeIdentity } from "@d-engine/core";

/**
 * The identity of a fresh data directory: node 1, the only voter of a cluster of its own. Cluster
 * and instance id are random, so that no two directories are ever taken for each other (rule R13).
 */
export function newSingleNodeIdentity(address: string): NodeIdentity {
  const id = 1 as NodeId;
  return {
    nodeId: id,
    clusterId: randomBytes(16).toString("hex"),
    instanceId: randomBytes(16).toString("hex"),
    bootstrap: {
      logId: LOG_ORIGIN,
      members: [{ id, address, status: "active" }],
      outgoingVoters: undefined,
    },
  };
}
