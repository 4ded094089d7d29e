import type { MembershipChange } from "../entry.js";
import type { LogIndex, RequestId } from "../ids.js";
import type { RaftState } from "../state.js";

/** Proposes a change of the members (rule R12). */
export function onChangeMembership(
  node: RaftState,
  requestId: RequestId,
  _change: MembershipChange,
  _version: LogIndex | undefined,
): void {
  node.refuse(requestId, "NOT_LEADER", `node ${node.id} is a ${node.role.kind}`);
}
