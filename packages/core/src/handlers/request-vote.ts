import { compareLogIds, type NodeId } from "../ids.js";
import type { PreVote, RequestVote } from "../message.js";
import { quorumValue } from "../quorum/voter-sets.js";
import type { CandidateRole } from "../role.js";
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
    if (node.role.kind === "candidate") retrySoon(node, node.role);
    return;
  }
  if (!node.knowsItsAdmission) {
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
 * Answers whether a vote would be given in the term asked about. Promises nothing, and the term
 * stays (thesis §9.6, rule R5); but who would vote for another waits a moment for being asked to.
 */
export function onPreVote(node: RaftState, from: NodeId, request: PreVote): void {
  const granted =
    request.term > node.term &&
    !hearsLeader(node, from) &&
    node.knowsItsAdmission &&
    compareLogIds(request.lastLog, node.log.last) >= 0;
  node.post(from, {
    kind: "preVoteResponse",
    term: node.term,
    campaignTerm: request.term,
    granted,
  });
  if (granted) giveWay(node, from, request);
}

/**
 * Two that ask at the same time would both be told yes, vote for themselves, and wait for another
 * election timeout (scenario 5). One of them goes first: the one with the longer log, then with
 * the higher id. The other lets it have a heartbeat interval, time enough for its request to
 * arrive; a node that merely hears the question does the same.
 */
function giveWay(node: RaftState, rival: NodeId, request: PreVote): void {
  const untilMs = node.nowMs + node.options.heartbeatIntervalMs;
  if (node.role.kind === "follower") {
    node.role.electionDeadlineMs = Math.max(node.role.electionDeadlineMs, untilMs);
  } else if (node.role.kind === "preCandidate") {
    const order = compareLogIds(request.lastLog, node.log.last) || rival - node.id;
    if (order > 0) becomeFollower(node, node.term, undefined, `gives way to ${rival}`, untilMs);
  }
}

/**
 * Another candidate of the same term: votes are divided, and neither may win. To wait for a full
 * election timeout again would help nobody; a random part of one tells the two apart as well. If
 * the other wins after all, the question before the next campaign is answered with no.
 */
function retrySoon(node: RaftState, role: CandidateRole): void {
  const soonMs = node.stickinessMs * (0.1 + 0.4 * node.random.next());
  role.electionDeadlineMs = Math.min(role.electionDeadlineMs, node.nowMs + soonMs);
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
