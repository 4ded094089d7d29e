import { EngineError, type MembershipConfiguration, type NodeIdentity } from "@d-engine/core";

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
  return new EngineError(
    "NODE_REMOVED",
    `node ${nodeId} was removed from the cluster by log entry ${logId.index} or before: it stops; ` +
      'delete its data directory, and to have it back start it anew after "d-engine member add"',
  );
}
