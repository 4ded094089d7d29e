import type { Member, NodeId, NodeStatus } from "@d-engine/core";
import { cluster, common, create } from "@d-engine/proto";
import type { LocalNodeStatus } from "../driver/local-node.js";

/**
 * Tells which address clients can reach this node at. Its own listener knows that best: the
 * configuration in the log may still name the address of an earlier start.
 */
export type OwnAddress = (authority: string) => string;

/**
 * The leader that clients may be sent to: known, a member, and, if it is this node, able to
 * serve. Clients take an id in the answer for a promise, so a leader whose noop is not applied is
 * not named yet.
 */
export function usableLeader(status: LocalNodeStatus): Member | undefined {
  if (status.role === "leader" && !status.leaderReady) return undefined;
  return status.configuration.members.find((member) => member.id === status.leaderId);
}

/** The cluster as this node knows it. */
export function clusterMembership(
  status: LocalNodeStatus,
  ownAddress: string,
): cluster.ClusterMembership {
  const leader = usableLeader(status);
  return create(cluster.ClusterMembershipSchema, {
    version: BigInt(status.configurationVersion),
    nodes: status.configuration.members.map((member) =>
      create(cluster.NodeMetaSchema, {
        id: member.id,
        address: addressOf(member, status.nodeId, ownAddress),
        role: roleOf(member, status),
        status: STATUSES[member.status],
      }),
    ),
    ...(leader === undefined ? {} : { currentLeaderId: leader.id }),
  });
}

/** The members before the first entry of the log, for one that joins. */
export function bootstrapMembership(members: readonly Member[]): cluster.ClusterMembership {
  const nodes = members.map(({ id, address, status }) => ({
    id,
    address,
    role: common.NodeRole.FOLLOWER,
    status: STATUSES[status],
  }));
  return create(cluster.ClusterMembershipSchema, { nodes });
}

export function addressOf(member: Member, self: NodeId, ownAddress: string): string {
  return member.id === self ? ownAddress : member.address;
}

const STATUSES: Readonly<Record<NodeStatus, common.NodeStatus>> = {
  promotable: common.NodeStatus.PROMOTABLE,
  readOnly: common.NodeStatus.READ_ONLY,
  active: common.NodeStatus.ACTIVE,
};

/** Of others a node knows only who leads and who votes; of itself also whether it stands. */
function roleOf(member: Member, status: LocalNodeStatus): common.NodeRole {
  if (member.id === status.leaderId) return common.NodeRole.LEADER;
  if (member.status !== "active") return common.NodeRole.LEARNER;
  const stands = status.role === "candidate" || status.role === "preCandidate";
  if (member.id === status.nodeId && stands) return common.NodeRole.CANDIDATE;
  return common.NodeRole.FOLLOWER;
}
