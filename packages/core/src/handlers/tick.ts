import { assertNever } from "../invariant.js";
import { promoteLearners, tendMembership } from "../membership/lead-membership.js";
import { quorumValue } from "../quorum/voter-sets.js";
import { beginRound, spreadCommit } from "../replication.js";
import type { LeaderRole } from "../role.js";
import type { RaftState } from "../state.js";
import { becomeFollower, becomePreCandidate } from "../transitions.js";
import { expireTransfer } from "./transfer.js";

/** Looks at the clock: elections, heartbeats, check-quorum, and what has waited too long. */
export function onTick(node: RaftState): void {
  if (node.promiseToSaveMs !== node.promiseIssuedMs) node.saveHardState();
  if (node.handedToApply < node.commitIndex) node.handOutCommitted();
  expireTransfer(node);
  expireForwardedReads(node);
  const { role } = node;
  switch (role.kind) {
    case "learner":
      return;
    case "follower":
    case "preCandidate":
    case "candidate":
      if (node.mayCampaign && node.nowMs >= role.electionDeadlineMs) becomePreCandidate(node);
      return;
    case "leader":
      lead(node, role);
      return;
    default:
      assertNever(role);
  }
}

function lead(node: RaftState, leader: LeaderRole): void {
  // Check-quorum: a leader that a majority may have left must not answer for it (scenario 7).
  const heardMs = quorumValue(node.voters, (id) =>
    id === node.id ? node.nowMs : (leader.progress.get(id)?.heardMs ?? Number.NEGATIVE_INFINITY),
  );
  if (node.nowMs - heardMs > node.options.electionTimeoutMs) {
    becomeFollower(node, node.term, undefined, "no majority heard within the election timeout");
    return;
  }
  if (node.nowMs >= leader.nextHeartbeatMs) beginRound(node, leader);
  else spreadCommit(node, leader);
  tendMembership(node, leader);
  promoteLearners(node, leader);
}

function expireForwardedReads(node: RaftState): void {
  const timeoutMs = node.options.electionTimeoutMs;
  for (const read of node.forwardedReads.takeOlder(node.nowMs - timeoutMs)) {
    const message = `leader ${read.leaderId} did not answer within ${timeoutMs} ms`;
    node.refuse(read.requestId, "CLUSTER_UNAVAILABLE", message);
  }
}
