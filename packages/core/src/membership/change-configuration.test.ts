import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { configurationOf } from "../../test/support/driven-node.js";
import { at, change, inTerm, logId } from "../../test/support/messages.js";
import { voterSetsOf } from "../quorum/voter-sets.js";
import { quorumsMeet } from "../testing/quorums-meet.js";
import { changeConfiguration } from "./change-configuration.js";
import { problemOf } from "./check-change.js";

const before = configurationOf({ voters: [1, 2, 3], learners: [5, 6] });
const entry = logId([2, 9]);

function idsOf(status: string, { members }: { members: typeof before.members }) {
  return members.filter((member) => member.status === status).map((member) => member.id);
}

describe("changeConfiguration", () => {
  it("adds a learner, in order of ids, promotable unless said otherwise", () => {
    const after = changeConfiguration(before, change.add(4, "unspecified"), entry);
    expect(after.logId).toEqual(entry);
    expect(after.members.map((member) => member.id)).toEqual([1, 2, 3, 4, 5, 6]);
    expect(after.members[3]).toEqual({ id: 4, address: "n4", status: "promotable" });
    expect(changeConfiguration(before, change.add(4, "readOnly"), entry).members[3]).toEqual({
      id: 4,
      address: "n4",
      status: "readOnly",
    });
  });

  it.each([
    { name: "removes one voter", change: change.remove(2), voters: [1, 3], learners: [5, 6] },
    { name: "removes learners", change: change.remove(5, 6), voters: [1, 2, 3], learners: [] },
    { name: "promotes one", change: change.promote(5), voters: [1, 2, 3, 5], learners: [6] },
    {
      name: "removes one voter along with a learner",
      change: change.remove(2, 6),
      voters: [1, 3],
      learners: [5],
    },
  ])("$name by a simple change", ({ change: asked, voters, learners }) => {
    const after = changeConfiguration(before, asked, entry);
    expect(idsOf("active", after)).toEqual(voters);
    expect(idsOf("promotable", after)).toEqual(learners);
    expect(after.outgoingVoters).toBeUndefined();
    expect(after.leaving).toBeUndefined();
  });

  it("changes several voters by a joint configuration, which knows where both halves are", () => {
    const removal = changeConfiguration(before, change.remove(2, 3, 6), entry);
    expect(voterSetsOf(removal)).toEqual({ incoming: [1], outgoing: [1, 2, 3] });
    expect(removal.leaving).toEqual([
      { id: 2, address: "n2", status: "active" },
      { id: 3, address: "n3", status: "active" },
    ]);
    const promotion = changeConfiguration(before, change.promote(5, 6), entry);
    expect(voterSetsOf(promotion)).toEqual({ incoming: [1, 2, 3, 5, 6], outgoing: [1, 2, 3] });
    expect(promotion.leaving).toEqual([]);
  });

  it("leaves a joint configuration with the new half", () => {
    const joint = changeConfiguration(before, change.remove(2, 3), entry);
    const after = changeConfiguration(joint, change.leave, logId([2, 10]));
    expect(after).toEqual({
      ...configurationOf({ voters: [1], learners: [5, 6] }),
      logId: logId([2, 10]),
    });
  });

  it.each([
    { name: "a leave outside of a joint configuration", change: change.leave },
    { name: "an unknown member", change: change.remove(9) },
    { name: "a member once more", change: change.add(1) },
  ])("stops at $name in the log (R12)", ({ change: asked }) => {
    expect(() => changeConfiguration(before, asked, entry)).toThrow(/entry 9 changes the members/);
  });

  it("leaves no two quorums in a row apart, and never nobody to vote (I8)", () => {
    const ids = fc.uniqueArray(fc.integer({ min: 1, max: 6 }), { minLength: 1, maxLength: 4 });
    const changes = fc.oneof(
      ids.map((some) => change.remove(...some)),
      ids.map((some) => change.promote(...some)),
      fc.integer({ min: 1, max: 6 }).map((n) => change.add(n)),
      fc.constant(change.leave),
    );
    fc.assert(
      fc.property(fc.array(changes, { maxLength: 12 }), (sequence) => {
        let current = configurationOf({ voters: [1, 2, 3], learners: [4, 5] });
        sequence.forEach((asked, offset) => {
          if (problemOf(current, asked) !== undefined) return;
          const logged = { term: inTerm(1), index: at(offset + 1) };
          const next = changeConfiguration(current, asked, logged);
          expect(quorumsMeet(voterSetsOf(current), voterSetsOf(next))).toBe(true);
          expect(voterSetsOf(next).incoming).not.toEqual([]);
          expect(next.members.map((member) => member.id)).toEqual(
            [...next.members.map((member) => member.id)].sort((a, b) => a - b),
          );
          current = next;
        });
      }),
    );
  });
});
