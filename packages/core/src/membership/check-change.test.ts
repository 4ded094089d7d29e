import { describe, expect, it } from "vitest";
import { change, id, logId } from "../../test/support/messages.js";
import type { MembershipChange, NodeStatus } from "../entry.js";
import { problemOf } from "./check-change.js";
import type { MembershipConfiguration } from "./configuration.js";

const members = (
  [
    [1, "active"],
    [2, "active"],
    [3, "promotable"],
    [4, "promotable"],
    [5, "readOnly"],
  ] as const
).map(([n, status]) => ({ id: id(n), address: `n${n}`, status }));

const simple: MembershipConfiguration = {
  logId: logId([1, 7]),
  members,
  outgoingVoters: undefined,
};
const joint = { ...simple, outgoingVoters: [id(1)] };

const promotion = (n: number, status: NodeStatus | "unspecified"): MembershipChange => {
  return { kind: "promoteLearner", nodeId: id(n), status };
};
const batch = (kind: "batchRemove" | "batchPromote", ...ids: number[]): MembershipChange => {
  return { kind, nodeIds: ids.map(id), status: "active" };
};
const added = (n: number, address: string): MembershipChange => {
  return { kind: "addNode", nodeId: id(n), address, status: "promotable" };
};

describe("problemOf", () => {
  it.each([
    { name: "a promotable newcomer", change: change.add(6) },
    { name: "one of unspecified status", change: change.add(6, "unspecified") },
    { name: "a read-only newcomer", change: change.add(6, "readOnly") },
    { name: "removing a voter", change: change.remove(1) },
    { name: "removing a learner", change: change.remove(5) },
    { name: "removing all but one voter", change: batch("batchRemove", 2, 3, 4, 5) },
    { name: "a promotion", change: change.promote(3) },
    { name: "a promotion of unspecified status", change: promotion(3, "unspecified") },
    { name: "a promotion of several", change: change.promote(3, 4) },
  ])("finds none with $name", ({ change: asked }) => {
    expect(problemOf(simple, asked)).toBeUndefined();
  });

  it.each([
    {
      name: "a newcomer that votes",
      change: change.add(6, "active"),
      says: /cannot join as a voter/,
    },
    { name: "no address", change: added(6, ""), says: /node 6 needs an address/ },
    {
      name: "a member once more",
      change: change.add(3),
      says: /3 is a member already, promotable at n3/,
    },
    { name: "a member elsewhere", change: added(3, "x"), says: /3 is a member already.*remove it/ },
    { name: "an address that is taken", change: added(6, "n5"), says: /n5 belongs to node 5/ },
    {
      name: "removing a stranger",
      change: change.remove(9),
      says: /9 is not a member.*1, 2, 3, 4, 5/,
    },
    { name: "removing nobody", change: batch("batchRemove"), says: /names no node/ },
    { name: "removing one twice", change: batch("batchRemove", 3, 3), says: /3 is named twice/ },
    { name: "removing all voters", change: change.remove(1, 2), says: /last voter/ },
    { name: "promoting a stranger", change: change.promote(9), says: /9 is not a member/ },
    { name: "promoting nobody", change: batch("batchPromote"), says: /names no node/ },
    { name: "promoting one twice", change: batch("batchPromote", 4, 4), says: /4 is named twice/ },
    { name: "promoting a voter", change: change.promote(2), says: /2 is a voter already/ },
    {
      name: "promoting a read-only learner",
      change: change.promote(3, 5),
      says: /5 is readOnly and never/,
    },
    { name: "promoting to a learner", change: promotion(3, "promotable"), says: /got promotable/ },
    { name: "leaving what is not joint", change: change.leave, says: /none is in effect/ },
  ])("refuses $name", ({ change: asked, says }) => {
    expect(problemOf(simple, asked)).toMatch(says);
  });

  it("refuses to remove the last voter, whoever else there is", () => {
    const lone = { ...simple, members: members.slice(1) };
    expect(problemOf(lone, change.remove(2))).toMatch(/last voter/);
  });

  it("lets nothing but a leave follow a joint configuration (R12)", () => {
    expect(problemOf(joint, change.leave)).toBeUndefined();
    for (const other of [change.add(6), change.remove(3), change.promote(3, 4)]) {
      expect(problemOf(joint, other)).toMatch(/only a leave may follow/);
    }
  });
});
