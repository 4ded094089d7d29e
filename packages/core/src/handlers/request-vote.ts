import { compareLogIds, type NodeId } from "../ids.js";
import type { PreVote, RequestVote } from "../message.js";
import { quorumValue } from "../quorum/voter-sets.js";
import type { RaftState } from "../state.js";
import { adoptTerm, becomeFollower } from "../transitions.js";

/**
 * Answers one request for a vote (Raft §5.2, §5.4.1; thesis §4.2.3 for stickiness). A vote leaves
 * only after term and vote are on the disk. Learners vote too when asked: the asker's log may
 * hold a promotion that has not arrived here yet (scenario 32).
 */
export function onRequestVote(node: RaftState, from: NodeId, request: RequestVote): void {
  if (request.term < node.term || request.term === 0) {
    refuse(node, from);
    return;
  }
  if (request.term === node.term && node.votedFor === from) {
    // The same vote once more: its first answer may have been lost (scenario 4).
    answerVote(node, from, true);
    return;
  }
  if (!request.leadershipTransfer && hearsLeader(node, from)) {
    refuse(node, from); // and the term stays: a live leader is not to be disturbed
    return;
  }
  if (request.term > node.term) {
    adoptTerm(node, request.term, `${from} campaigns in term ${request.term}`);
  }
  if (node.votedFor !== undefined) {
    refuse(node, from);
    return;
  }
  if (compareLogIds(request.lastLog, node.log.last) < 0) {
    refuse(node, from);
    return;
  }
  if (node.role.kind === "preCandidate") {
    becomeFollower(node, node.term, undefined, `voted for ${from}`);
  }
  node.votedFor = from;
  node.saveTermAndVote();
  if (node.role.kind !== "leader") node.role.electionDeadlineMs = node.drawElectionDeadline();
  answerVote(node, from, true);
}

/**
 * Answers whether a vote would be given in the term asked about. Changes nothing here, the term
 * least of all (thesis §9.6, rule R5).
 */
export function onPreVote(node: RaftState, from: NodeId, request: PreVote): void {
  const granted =
    request.term > node.term &&
    !hearsLeader(node, from) &&
    compareLogIds(request.lastLog, node.log.last) >= 0;
  node.post(from, {
    kind: "preVoteResponse",
    term: node.term,
    campaignTerm: request.term,
    granted,
  });
}

/**
 * Stickiness: a leader was heard within the minimum election timeout. A leader counts itself
 * while its check-quorum holds. The leader that was heard may ask itself: by asking it says that
 * it leads no longer (scenario 12).
 */
function hearsLeader(node: RaftState, asker: NodeId): boolean {
  const { role } = node;
  if (role.kind === "leader") {
    const heardMs = quorumValue(node.voters, (id) =>
      id === node.id ? node.nowMs : (role.progress.get(id)?.heardMs ?? Number.NEGATIVE_INFINITY),
    );
    return node.nowMs - heardMs < node.stickinessMs;
  }
  if (node.heardLeader === asker) return false;
  return node.nowMs - node.leaderHeardMs < node.stickinessMs;
}

function refuse(node: RaftState, to: NodeId): void {
  answerVote(node, to, false);
}

function answerVote(node: RaftState, to: NodeId, granted: boolean): void {
  const { term } = node;
  node.post(to, { kind: "requestVoteResponse", term, granted, lastLog: node.log.last });
}
