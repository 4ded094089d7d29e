import { EngineError } from "@d-engine/core";
import { cluster, create, toBinary } from "@d-engine/proto";
import type { LocalNode } from "../../driver/local-node.js";
import type { UnaryHandler } from "../call-context.js";
import { addressOf, type OwnAddress, usableLeader } from "../cluster-view.js";
import { decodeRequest } from "../decode-request.js";

/** Says who leads; ends with UNAVAILABLE while nobody that this node knows of can serve. */
export function discoverLeader(node: LocalNode, ownAddress: OwnAddress): UnaryHandler {
  return (bytes, { authority }) => {
    decodeRequest(cluster.LeaderDiscoveryRequestSchema, bytes);
    const status = node.status();
    const leader = usableLeader(status);
    if (leader === undefined) {
      throw new EngineError(
        "CLUSTER_UNAVAILABLE",
        `node ${status.nodeId} knows no leader that can serve (term ${status.term})`,
      );
    }
    const response = create(cluster.LeaderDiscoveryResponseSchema, {
      leaderId: leader.id,
      leaderAddress: addressOf(leader, status.nodeId, ownAddress(authority)),
      term: BigInt(status.term),
    });
    return { body: toBinary(cluster.LeaderDiscoveryResponseSchema, response) };
  };
}
