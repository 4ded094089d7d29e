import type { NodeId } from "../ids.js";
import { allVoters, quorumValue, voterSetsOf } from "../quorum/voter-sets.js";
import type { LeaderRole } from "../role.js";
import type { RaftState } from "../state.js";
import type { MembershipConfiguration } from "./configuration.js";

/**
 * Why a learner would hold up every write if it were a voter now; `undefined` when it would not.
 * One that has never answered counts as lagging, however short the log is (scenario 31).
 */
export function lagOf(node: RaftState, leader: LeaderRole, id: NodeId): string | undefined {
  const { promotionLagMax } = node.options;
  const progress = leader.progress.get(id);
  if (progress === undefined || progress.matchIndex === 0) return `node ${id} has not answered yet`;
  // It would refuse its vote, not knowing that it is meant (I4): its log must hold its own admission,
  // which the configuration in effect comes with or after.
  if (progress.matchIndex < node.configuration.logId.index) {
    return `node ${id} does not have the configuration of entry ${node.configuration.logId.index}`;
  }
  if (progress.state === "snapshot") return `node ${id} still receives a snapshot`;
  const silentMs = silenceOf(node, leader, id);
  if (silentMs > node.options.electionTimeoutMs) {
    return `node ${id} has not answered for ${Math.floor(silentMs)} ms`;
  }
  const lag = node.log.lastIndex - progress.matchIndex;
  if (lag <= promotionLagMax) return undefined;
  return `node ${id} lacks ${lag} entries, allowed are ${promotionLagMax} (promotionLagMax)`;
}

/**
 * Why a configuration would leave this leader without a majority of either half that answers;
 * `undefined` when it would not.
 */
export function riskOf(
  node: RaftState,
  leader: LeaderRole,
  next: MembershipConfiguration,
): string | undefined {
  const { electionTimeoutMs } = node.options;
  const voters = voterSetsOf(next);
  const heard = quorumValue(voters, (id) => -silenceOf(node, leader, id));
  if (-heard <= electionTimeoutMs) return undefined;
  const all = allVoters(voters);
  const silent = all.filter((id) => silenceOf(node, leader, id) > electionTimeoutMs);
  return (
    `of the voters after it (${all.join(", ")}), ${silent.join(", ")} ` +
    `did not answer within ${electionTimeoutMs} ms`
  );
}

/** Milliseconds since the last answer of this term. */
export function silenceOf(node: RaftState, leader: LeaderRole, id: NodeId): number {
  if (id === node.id) return 0;
  return node.nowMs - (leader.progress.get(id)?.heardMs ?? Number.NEGATIVE_INFINITY);
}
