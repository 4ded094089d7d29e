import type { MembershipChange, NodeStatus } from "../entry.js";
import type { NodeId } from "../ids.js";
import { assertNever } from "../invariant.js";
import type { Member, MembershipConfiguration } from "./configuration.js";

/**
 * Why a change makes no sense in a configuration, in words for whoever asked for it; `undefined`
 * when it does. A leader refuses such a change, a log that holds one is broken (rule R12).
 *
 * To add a member once more is refused, also with the same address and status: whether a repeated
 * request to join is the lost answer to the first is for the server to find out.
 */
export function problemOf(
  configuration: MembershipConfiguration,
  change: MembershipChange,
): string | undefined {
  const isJoint = configuration.outgoingVoters !== undefined;
  if (change.kind === "leaveJoint") {
    return isJoint ? undefined : "leaving a joint configuration, but none is in effect";
  }
  if (isJoint) return `${change.kind} in a joint configuration, which only a leave may follow`;
  const { members } = configuration;
  switch (change.kind) {
    case "addNode":
      return problemOfAdding(members, change);
    case "removeNode":
      return problemOfRemoving(members, [change.nodeId]);
    case "batchRemove":
      return problemOfRemoving(members, change.nodeIds);
    case "promoteLearner":
      return problemOfPromoting(members, [change.nodeId], change.status);
    case "batchPromote":
      return problemOfPromoting(members, change.nodeIds, change.status);
    default:
      return assertNever(change);
  }
}

function problemOfAdding(
  members: readonly Member[],
  { nodeId, address, status }: MembershipChange & { kind: "addNode" },
): string | undefined {
  if (status === "active") {
    return `node ${nodeId} cannot join as a voter; add it as promotable, then promote it`;
  }
  if (address === "") return `node ${nodeId} needs an address, host:port`;
  const known = members.find((member) => member.id === nodeId);
  if (known !== undefined) {
    return (
      `node ${nodeId} is a member already, ${known.status} at ${known.address}; ` +
      "remove it before it is added anew"
    );
  }
  const owner = members.find((member) => member.address === address);
  return owner === undefined ? undefined : `address ${address} belongs to node ${owner.id}`;
}

function problemOfRemoving(members: readonly Member[], ids: readonly NodeId[]): string | undefined {
  const problem = problemOfIds(members, ids);
  if (problem !== undefined) return problem;
  const stays = members.some((member) => member.status === "active" && !ids.includes(member.id));
  return stays ? undefined : "the last voter cannot be removed; promote another member first";
}

function problemOfPromoting(
  members: readonly Member[],
  ids: readonly NodeId[],
  status: NodeStatus | "unspecified",
): string | undefined {
  if (status !== "active" && status !== "unspecified") {
    return `a promotion makes voters, status must be active, got ${status}`;
  }
  const problem = problemOfIds(members, ids);
  if (problem !== undefined) return problem;
  for (const member of members) {
    if (!ids.includes(member.id) || member.status === "promotable") continue;
    return member.status === "active"
      ? `node ${member.id} is a voter already`
      : `node ${member.id} is readOnly and never becomes a voter; remove it and add it as promotable`;
  }
  return undefined;
}

/** Named at all, each once, and members. */
function problemOfIds(members: readonly Member[], ids: readonly NodeId[]): string | undefined {
  if (ids.length === 0) return "the change names no node";
  const twice = ids.find((id, at) => ids.indexOf(id) !== at);
  if (twice !== undefined) return `node ${twice} is named twice`;
  const unknown = ids.find((id) => !members.some((member) => member.id === id));
  if (unknown === undefined) return undefined;
  const known = members.map((member) => member.id).join(", ");
  return `node ${unknown} is not a member; members are ${known}`;
}
