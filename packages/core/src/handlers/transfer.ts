import type { NodeId, RequestId } from "../ids.js";
import { invariant } from "../invariant.js";
import type { TimeoutNow } from "../message.js";
import { isVoter } from "../quorum/voter-sets.js";
import { replicateTo } from "../replication.js";
import type { LeaderRole } from "../role.js";
import type { RaftState } from "../state.js";
import { becomeCandidate, becomeFollower } from "../transitions.js";

/**
 * Hands leadership to another voter (thesis §3.10): stops taking proposals, brings the target up
 * to date, tells it to campaign at once. After an election timeout without success it gives up
 * and takes proposals again.
 */
export function onTransfer(node: RaftState, requestId: RequestId, target: NodeId): void {
  const leader = node.role;
  if (leader.kind !== "leader") {
    node.refuse(requestId, "NOT_LEADER", `node ${node.id} is a ${leader.kind}`);
    return;
  }
  if (leader.transfer !== undefined) {
    const under = leader.transfer.target;
    node.refuse(requestId, "RATE_LIMITED", `a transfer to ${under} is already under way`);
    return;
  }
  if (target === node.id || !isVoter(node.voters, target)) {
    node.refuse(requestId, "INVALID_REQUEST", `node ${target} is not another voter`);
    return;
  }
  beginTransfer(node, leader, target, requestId);
}

/** Without a request, for a leader that was removed: when it fails, leadership ends all the same. */
export function beginTransfer(
  node: RaftState,
  leader: LeaderRole,
  target: NodeId,
  requestId: RequestId | undefined,
): void {
  const progress = leader.progress.get(target);
  invariant(progress !== undefined, () => `nothing is known of ${target}, which is to lead`);
  const deadlineMs = node.nowMs + node.options.electionTimeoutMs;
  leader.transfer = { requestId, target, deadlineMs, sent: false };
  replicateTo(node, leader, target, progress);
  offerLeadership(node, leader);
}

/** Sends TimeoutNow once the target holds the whole log. */
export function offerLeadership(node: RaftState, leader: LeaderRole): void {
  const { transfer } = leader;
  if (transfer === undefined || transfer.sent) return;
  const progress = leader.progress.get(transfer.target);
  if (progress === undefined || progress.matchIndex < node.log.lastIndex) return;
  transfer.sent = true;
  // From here on the target may win without asking whether this node still leads; a late copy
  // of the message keeps that true for the whole term (rule R2).
  leader.leaseForbidden = true;
  node.post(transfer.target, { kind: "timeoutNow", term: node.term });
}

/** Campaigns at once, without pre-vote. One that names another term comes too late (R2). */
export function onTimeoutNow(node: RaftState, from: NodeId, request: TimeoutNow): void {
  const { role } = node;
  const meant = request.term === node.term && role.kind === "follower" && role.leaderId === from;
  if (!meant || !node.isVoter) return;
  becomeCandidate(node, true);
}

/** Gives a transfer up that takes too long; proposals are taken again. */
export function expireTransfer(node: RaftState): void {
  const leader = node.role.kind === "leader" ? node.role : undefined;
  const transfer = leader?.transfer ?? node.transferAwaited;
  if (transfer === undefined || node.nowMs < transfer.deadlineMs) return;
  if (leader !== undefined) leader.transfer = undefined;
  node.transferAwaited = undefined;
  const { requestId, target } = transfer;
  const outcome = `node ${target} did not take over within ${node.options.electionTimeoutMs} ms`;
  if (requestId !== undefined) node.refuse(requestId, "CLUSTER_UNAVAILABLE", outcome);
  else becomeFollower(node, node.term, undefined, `is no member any more, and ${outcome}`);
}

/** A new leader is heard: the transfer has succeeded, or somebody else was faster. */
export function settleTransfer(node: RaftState, leaderId: NodeId): void {
  const transfer = node.transferAwaited;
  if (transfer === undefined) return;
  node.transferAwaited = undefined;
  const { requestId, target } = transfer;
  if (requestId === undefined) return;
  if (leaderId === target) node.outbox.reply({ kind: "transferred", requestId, target });
  else node.refuse(requestId, "LEADER_CHANGED", `node ${leaderId} leads instead of ${target}`);
}
