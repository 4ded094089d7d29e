import type { NodeId } from "../ids.js";
import { invariant } from "../invariant.js";
import type { PreVoteResponse, RequestVoteResponse } from "../message.js";
import { quorumVote } from "../quorum/voter-sets.js";
import type { RaftState } from "../state.js";
import { adoptTerm, becomeCandidate, becomeFollower, becomeLeader } from "../transitions.js";

export function onRequestVoteResponse(
  node: RaftState,
  from: NodeId,
  response: RequestVoteResponse,
): void {
  if (response.term > node.term) {
    adoptTerm(node, response.term, `${from} answered from term ${response.term}`);
    return;
  }
  if (node.role.kind !== "candidate" || response.term < node.term) return;
  countVote(node, from, response.granted);
}

/** Counts one vote of the present campaign, the own one included once it is durable. */
export function countVote(node: RaftState, from: NodeId, granted: boolean): void {
  const { role } = node;
  invariant(role.kind === "candidate", "a vote counted outside of a campaign");
  if (!role.votes.has(from)) role.votes.set(from, granted);
  const result = quorumVote(node.voters, (id) => role.votes.get(id));
  if (result === "won") becomeLeader(node);
  else if (result === "lost") becomeFollower(node, node.term, undefined, "refused by a majority");
}

export function onPreVoteResponse(node: RaftState, from: NodeId, response: PreVoteResponse): void {
  if (response.term > node.term) {
    adoptTerm(node, response.term, `${from} answered from term ${response.term}`);
    return;
  }
  const { role } = node;
  if (role.kind !== "preCandidate" || response.campaignTerm !== role.campaignTerm) return;
  if (!role.votes.has(from)) role.votes.set(from, response.granted);
  const result = quorumVote(node.voters, (id) => role.votes.get(id));
  if (result === "won") becomeCandidate(node, false);
  else if (result === "lost") becomeFollower(node, node.term, undefined, "a majority refused");
}
