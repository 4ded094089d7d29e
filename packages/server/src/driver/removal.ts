import {
  EngineError,
  type LogIndex,
  type MembershipConfiguration,
  type NodeId,
  type NodeIdentity,
} from "@d-engine/core";

/**
 * The error of a node that a committed configuration has removed; `undefined` while it belongs to
 * the cluster. A configuration from before this directory was admitted speaks of a predecessor, and
 * a voter of the old half of a joint one has its say until that is left (rule R12).
 */
export function removalOf(
  { nodeId, joinedAt }: NodeIdentity,
  { logId, members, outgoingVoters }: MembershipConfiguration,
): EngineError | undefined {
  if (logId.index <= joinedAt) return undefined;
  if (members.some(({ id }) => id === nodeId) || outgoingVoters?.includes(nodeId)) return undefined;
  return removed(nodeId, `log entry ${logId.index} or before`);
}

/**
 * The error of a node that a member has told of its removal by the entry `by`; `undefined` when
 * this node knows better: it was admitted later, or has applied that entry and is still a member.
 */
export function toldRemoval(
  { nodeId, joinedAt }: NodeIdentity,
  { logId }: MembershipConfiguration,
  by: LogIndex,
): EngineError | undefined {
  if (by <= joinedAt || by <= logId.index) return undefined;
  return removed(nodeId, `log entry ${by}, as another member says`);
}

function removed(id: NodeId, by: string): EngineError {
  return new EngineError(
    "NODE_REMOVED",
    `node ${id} was removed from the cluster by ${by}: it stops; ` +
      'delete its data directory, and to have it back start it anew after "d-engine member add"',
  );
}
