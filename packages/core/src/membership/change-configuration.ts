import type { MembershipChange } from "../entry.js";
import type { LogId, NodeId } from "../ids.js";
import { invariant } from "../invariant.js";
import { problemOf } from "./check-change.js";
import type { Member, MembershipConfiguration } from "./configuration.js";

/**
 * The configuration that a change makes of another. The same on every node and at every time: a
 * leader looks ahead with it, and every node appends and applies with it.
 *
 * Several voters at once make a joint configuration (paper §6), left by `leaveJoint`.
 *
 * @throws InvariantViolation for a change that no leader proposes in `configuration`
 */
export function changeConfiguration(
  configuration: MembershipConfiguration,
  change: MembershipChange,
  logId: LogId,
): MembershipConfiguration {
  const problem = problemOf(configuration, change);
  invariant(problem === undefined, () => `entry ${logId.index} changes the members: ${problem}`);
  const { members } = configuration;
  switch (change.kind) {
    case "leaveJoint":
      return simple(logId, members);
    case "addNode": {
      const { nodeId: id, address } = change;
      const status = change.status === "readOnly" ? "readOnly" : "promotable";
      return simple(logId, [...members, { id, address, status }]);
    }
    case "removeNode":
      return changeVoters(configuration, logId, without(members, [change.nodeId]));
    case "batchRemove":
      return changeVoters(configuration, logId, without(members, change.nodeIds));
    case "promoteLearner":
      return changeVoters(configuration, logId, promoted(members, [change.nodeId]));
    case "batchPromote":
      return changeVoters(configuration, logId, promoted(members, change.nodeIds));
  }
}

/** Simple when at most one voter comes or goes, so that all majorities of both overlap. */
function changeVoters(
  before: MembershipConfiguration,
  logId: LogId,
  members: readonly Member[],
): MembershipConfiguration {
  const outgoingVoters = votersOf(before.members);
  const incoming = votersOf(members);
  const gone = outgoingVoters.filter((id) => !incoming.includes(id));
  const come = incoming.filter((id) => !outgoingVoters.includes(id));
  if (gone.length + come.length <= 1) return simple(logId, members);
  const leaving = before.members.filter((member) => gone.includes(member.id));
  return { logId, members, outgoingVoters, leaving };
}

function simple(logId: LogId, members: readonly Member[]): MembershipConfiguration {
  const ordered = [...members].sort((a, b) => a.id - b.id);
  return { logId, members: ordered, outgoingVoters: undefined };
}

function votersOf(members: readonly Member[]): readonly NodeId[] {
  return members.filter((member) => member.status === "active").map((member) => member.id);
}

function without(members: readonly Member[], ids: readonly NodeId[]): readonly Member[] {
  return members.filter((member) => !ids.includes(member.id));
}

function promoted(members: readonly Member[], ids: readonly NodeId[]): readonly Member[] {
  return members.map((member) =>
    ids.includes(member.id) ? { ...member, status: "active" } : member,
  );
}
