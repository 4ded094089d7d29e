import { cluster, toBinary } from "@d-engine/proto";
import type { LocalNode } from "../../driver/local-node.js";
import type { UnaryHandler } from "../call-context.js";
import { clusterMembership, type OwnAddress } from "../cluster-view.js";
import { decodeRequest } from "../decode-request.js";

/** What clients ask first. Any node answers, from what it knows, without asking others. */
export function getClusterMetadata(node: LocalNode, ownAddress: OwnAddress): UnaryHandler {
  return (bytes, { authority }) => {
    decodeRequest(cluster.MetadataRequestSchema, bytes);
    const membership = clusterMembership(node.status(), ownAddress(authority));
    return { body: toBinary(cluster.ClusterMembershipSchema, membership) };
  };
}
