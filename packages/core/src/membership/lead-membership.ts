import { type ConfigPayload, entryBytes, type MembershipChange } from "../entry.js";
import { beginTransfer } from "../handlers/transfer.js";
import type { LogIndex, NodeId } from "../ids.js";
import { invariant } from "../invariant.js";
import { beginRound, replicateToAll } from "../replication.js";
import type { LeaderRole } from "../role.js";
import type { RaftState } from "../state.js";
import { changeConfiguration } from "./change-configuration.js";
import { followConfiguration } from "./follow-configuration.js";
import { lagOf, riskOf, silenceOf } from "./readiness.js";

/** Appends a change that was found valid; it is in effect from here on (paper §6). */
export function appendChange(
  node: RaftState,
  leader: LeaderRole,
  change: MembershipChange,
): LogIndex {
  const payload: ConfigPayload = { kind: "config", change };
  const entry = { index: node.log.nextIndex, term: node.term, payload };
  node.append([entry]);
  leader.uncommittedBytes += entryBytes(entry);
  followConfiguration(node);
  replicateToAll(node, leader);
  return entry.index;
}

/**
 * What a leader owes its configuration once that is committed: to leave a joint one, whoever began
 * it (R12); to hand over when it is no member itself; to let removed peers go. Nothing before its
 * noop commits (scenario 25).
 */
export function tendMembership(node: RaftState, leader: LeaderRole): void {
  if (leader.departing.size > 0) dismissRemoved(node, leader);
  if (!mayChange(node, leader)) return;
  if (node.configuration.outgoingVoters !== undefined) {
    appendChange(node, leader, { kind: "leaveJoint" });
  } else if (!node.isVoter) {
    beginTransfer(node, leader, successorOf(node, leader), undefined);
  }
}

/**
 * Makes voters of the most caught-up learners, of equal ones the lowest id first, as many as make
 * the number of voters odd (rule R12).
 */
export function promoteLearners(node: RaftState, leader: LeaderRole): void {
  if (!node.options.autoPromote || node.changeOutstanding || !mayChange(node, leader)) return;
  const ready = node.configuration.members
    .filter(({ id, status }) => status === "promotable" && lagOf(node, leader, id) === undefined)
    .map((member) => member.id)
    .sort((a, b) => matchOf(leader, b) - matchOf(leader, a) || a - b);
  const voters = node.voters.incoming.length;
  const count = (voters + ready.length) % 2 === 1 ? ready.length : ready.length - 1;
  if (count < 1) return;
  const nodeIds = ready.slice(0, count).sort((a, b) => a - b);
  const change: MembershipChange = { kind: "batchPromote", nodeIds, status: "active" };
  const logId = { term: node.term, index: node.log.nextIndex };
  const next = changeConfiguration(node.configuration, change, logId);
  if (riskOf(node, leader, next) === undefined) appendChange(node, leader, change);
}

/** The leader's noop and the configuration in effect are committed, and nobody takes over. */
function mayChange(node: RaftState, leader: LeaderRole): boolean {
  return (
    node.commitIndex >= leader.noopIndex &&
    !node.configurationPending &&
    leader.transfer === undefined
  );
}

/**
 * A removed peer gets the entry that removes it, and word that it is committed; when it has
 * answered that, or an election timeout later, it is forgotten (rule R12).
 */
function dismissRemoved(node: RaftState, leader: LeaderRole): void {
  const fresh = [...leader.departing.values()].filter(
    ({ index, farewell }) => farewell === undefined && index <= node.commitIndex,
  );
  if (fresh.length > 0) beginRound(node, leader);
  const round = leader.rounds.current;
  const deadlineMs = node.nowMs + node.options.electionTimeoutMs;
  for (const departure of fresh) departure.farewell = { round, deadlineMs };
  for (const [peer, { index, farewell }] of leader.departing) {
    if (farewell === undefined) continue;
    const progress = leader.progress.get(peer);
    invariant(progress !== undefined, () => `nothing is known of ${peer}, which is leaving`);
    const knows = progress.matchIndex >= index && progress.ackedRound >= farewell.round;
    if (!knows && node.nowMs < farewell.deadlineMs) continue;
    leader.departing.delete(peer);
    leader.progress.delete(peer);
  }
}

/** Of the voters that were heard lately, or else of all, the one with the longest log. */
function successorOf(node: RaftState, leader: LeaderRole): NodeId {
  const { incoming } = node.voters;
  const awake = incoming.filter(
    (id) => silenceOf(node, leader, id) <= node.options.electionTimeoutMs,
  );
  const [first] = [...(awake.length > 0 ? awake : incoming)].sort(
    (a, b) => matchOf(leader, b) - matchOf(leader, a) || a - b,
  );
  invariant(first !== undefined, "a configuration without voters");
  return first;
}

function matchOf(leader: LeaderRole, id: NodeId): LogIndex {
  return leader.progress.get(id)?.matchIndex ?? (0 as LogIndex);
}
