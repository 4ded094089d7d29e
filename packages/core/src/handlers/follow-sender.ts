import type { NodeId, Term } from "../ids.js";
import type { RaftState } from "../state.js";
import { becomeFollower, hearLeader } from "../transitions.js";
import { settleTransfer } from "./transfer.js";

/** Follows the leader of this or a later term that was just heard (rule R5). */
export function followSender(node: RaftState, from: NodeId, term: Term): void {
  const { role } = node;
  const follows = role.kind === "follower" || role.kind === "learner";
  if (term > node.term || !follows || role.leaderId !== from) {
    becomeFollower(node, term, from, `heard the leader ${from} of term ${term}`);
  }
  hearLeader(node, from);
  settleTransfer(node, from);
}

/** A term has one leader (I1): whoever else claims to be it is broken. */
export function isRival(node: RaftState, from: NodeId, term: Term): boolean {
  if (term > node.term) return false;
  return node.leaderId !== undefined && node.leaderId !== from;
}
