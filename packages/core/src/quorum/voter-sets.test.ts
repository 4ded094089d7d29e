import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { configurationOf } from "../../test/support/driven-node.js";
import { id } from "../../test/support/messages.js";
import type { NodeId } from "../ids.js";
import {
  allVoters,
  isLoneVoter,
  isVoter,
  quorumValue,
  quorumVote,
  type VoterSets,
  voterSetsOf,
} from "./voter-sets.js";

const setsOf = (incoming: readonly number[], outgoing: readonly number[] = []): VoterSets => ({
  incoming: incoming.map(id),
  outgoing: outgoing.map(id),
});

/** Every set of members that may decide, found by trying all of them. */
function deciding(sets: VoterSets): ReadonlySet<NodeId>[] {
  const members = [...new Set([...sets.incoming, ...sets.outgoing])];
  const halves = [sets.incoming, sets.outgoing].filter((half) => half.length > 0);
  const found: ReadonlySet<NodeId>[] = [];
  for (let mask = 0; mask < 1 << members.length; mask++) {
    const chosen = new Set(members.filter((_, at) => mask & (1 << at)));
    const decides = (half: readonly NodeId[]) =>
      half.filter((n) => chosen.has(n)).length * 2 > half.length;
    if (halves.length > 0 && halves.every(decides)) found.push(chosen);
  }
  return found;
}

const half = fc.uniqueArray(fc.integer({ min: 1, max: 5 }), { maxLength: 4 });
const anySets = fc.tuple(half, half).map(([a, b]) => setsOf(a, b));

describe("voterSetsOf", () => {
  it("takes active members for voters, and the old half as it stands (R12)", () => {
    const arranged = { voters: [1, 2], learners: [3], outgoing: [2, 4] };
    expect(voterSetsOf(configurationOf(arranged))).toEqual(setsOf([1, 2], [2, 4]));
  });

  it("names each voter of both halves once", () => {
    expect(allVoters(setsOf([1, 2, 3], [3, 4]))).toEqual([1, 2, 3, 4]);
  });

  it.each([
    { sets: setsOf([1]), lone: true },
    { sets: setsOf([1], [1]), lone: true },
    { sets: setsOf([], [1]), lone: true },
    { sets: setsOf([1], [1, 2]), lone: false },
    { sets: setsOf([2]), lone: false },
    { sets: setsOf([]), lone: false },
  ])("says $lone of being alone in $sets", ({ sets, lone }) => {
    expect(isLoneVoter(sets, id(1))).toBe(lone);
  });

  it("calls a voter whoever votes in either half", () => {
    const sets = setsOf([1], [2]);
    expect([1, 2, 3].map((n) => isVoter(sets, id(n)))).toEqual([true, true, false]);
  });
});

describe("quorumValue", () => {
  it("is the greatest value that some deciding set has reached (I8, §6)", () => {
    fc.assert(
      fc.property(anySets, fc.array(fc.nat(9), { minLength: 5, maxLength: 5 }), (sets, values) => {
        const reached = (n: NodeId) => values[n - 1]!;
        const slow = deciding(sets).map((set) => Math.min(...[...set].map(reached)));
        expect(quorumValue(sets, reached)).toBe(Math.max(Number.NEGATIVE_INFINITY, ...slow));
      }),
    );
  });

  it("decides nothing without any voter", () => {
    expect(quorumValue(setsOf([]), () => 5)).toBe(Number.NEGATIVE_INFINITY);
  });
});

describe("quorumVote", () => {
  it("is won by a deciding set, and lost when none can come about (§6)", () => {
    const ballots = fc.array(fc.constantFrom(true, false, undefined), {
      minLength: 5,
      maxLength: 5,
    });
    fc.assert(
      fc.property(anySets, ballots, (sets, votes) => {
        const vote = (n: NodeId) => votes[n - 1];
        const sure = deciding(sets).some((set) => [...set].every((n) => vote(n) === true));
        const possible = deciding(sets).some((set) => [...set].every((n) => vote(n) !== false));
        expect(quorumVote(sets, vote)).toBe(sure ? "won" : possible ? "pending" : "lost");
      }),
    );
  });

  it("lets no two candidates win the same voters (I1)", () => {
    const ballots = fc.array(fc.constantFrom("a", "b", undefined), { minLength: 5, maxLength: 5 });
    fc.assert(
      fc.property(anySets, ballots, (sets, votes) => {
        const result = (name: string) =>
          quorumVote(sets, (n) => (votes[n - 1] === undefined ? undefined : votes[n - 1] === name));
        expect([result("a"), result("b")]).not.toEqual(["won", "won"]);
      }),
    );
  });
});
