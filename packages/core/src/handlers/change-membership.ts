import type { MembershipChange } from "../entry.js";
import type { LogIndex, NodeId, RequestId } from "../ids.js";
import { changeConfiguration } from "../membership/change-configuration.js";
import { problemOf } from "../membership/check-change.js";
import { appendChange } from "../membership/lead-membership.js";
import { lagOf, riskOf } from "../membership/readiness.js";
import type { RaftState } from "../state.js";
import { acceptingLeader } from "./accepting-leader.js";

/**
 * Proposes a change of the members (rule R12, thesis §4). One at a time, and none before the noop
 * of this leadership is committed: two leaders could otherwise each change the members by one, to
 * sets whose majorities do not meet (scenario 25).
 */
export function onChangeMembership(
  node: RaftState,
  requestId: RequestId,
  change: MembershipChange,
  version: LogIndex | undefined,
): void {
  const leader = acceptingLeader(node, requestId);
  if (leader === undefined) return;
  if (change.kind === "leaveJoint") {
    const message = "a joint configuration is left by its leader alone";
    node.refuse(requestId, "INVALID_REQUEST", message);
    return;
  }
  if (node.commitIndex < leader.noopIndex) {
    const message = `entry ${leader.noopIndex}, with which it began to lead, is not committed yet`;
    node.refuse(requestId, "CLUSTER_UNAVAILABLE", message);
    return;
  }
  if (node.changeOutstanding) {
    node.refuse(requestId, "CHANGE_IN_PROGRESS", describeOutstanding(node));
    return;
  }
  const current = node.configuration;
  if (version !== undefined && version !== current.logId.index) {
    const message = `the members are of version ${current.logId.index}, the change is for ${version}`;
    node.refuse(requestId, "VERSION_CONFLICT", message);
    return;
  }
  const problem = problemOf(current, change);
  if (problem !== undefined) {
    node.refuse(requestId, "INVALID_REQUEST", problem);
    return;
  }
  for (const id of promotedBy(change)) {
    const lag = lagOf(node, leader, id);
    if (lag === undefined) continue;
    node.refuse(requestId, "LEARNER_NOT_READY", lag);
    return;
  }
  const logId = { term: node.term, index: node.log.nextIndex };
  const risk = riskOf(node, leader, changeConfiguration(current, change, logId));
  if (risk !== undefined) {
    node.refuse(requestId, "QUORUM_AT_RISK", risk);
    return;
  }
  const first = appendChange(node, leader, change);
  node.outbox.reply({ kind: "proposed", requestId, term: node.term, first });
}

function describeOutstanding(node: RaftState): string {
  const { logId, outgoingVoters } = node.configuration;
  if (outgoingVoters === undefined) {
    return `the change at index ${logId.index} is not committed yet`;
  }
  const voters = `${outgoingVoters.join(", ")} to ${node.voters.incoming.join(", ")}`;
  return `the change of voters from ${voters} at index ${logId.index} is not completed yet`;
}

function promotedBy(change: MembershipChange): readonly NodeId[] {
  if (change.kind === "promoteLearner") return [change.nodeId];
  return change.kind === "batchPromote" ? change.nodeIds : [];
}
