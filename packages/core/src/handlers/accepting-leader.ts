import type { RequestId } from "../ids.js";
import type { LeaderRole } from "../role.js";
import type { RaftState } from "../state.js";

/**
 * The leadership of a node that takes something new into its log now. Otherwise the request is
 * refused: by who does not lead, and by who hands leadership over (thesis §3.10).
 */
export function acceptingLeader(node: RaftState, requestId: RequestId): LeaderRole | undefined {
  const leader = node.role;
  if (leader.kind !== "leader") {
    node.refuse(requestId, "NOT_LEADER", `node ${node.id} is a ${leader.kind}`);
    return undefined;
  }
  if (leader.transfer !== undefined) {
    const { target } = leader.transfer;
    node.refuse(requestId, "LEADER_CHANGED", `leadership is being transferred to ${target}`);
    return undefined;
  }
  return leader;
}
