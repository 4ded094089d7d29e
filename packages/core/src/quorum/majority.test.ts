import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { id } from "../../test/support/messages.js";
import { majorityOf, majorityValue, majorityVote } from "./majority.js";

const voters = (count: number) => Array.from({ length: count }, (_, at) => id(at + 1));

describe("majorityOf", () => {
  it.each([
    [1, 1],
    [2, 2],
    [3, 2],
    [4, 3],
    [5, 3],
    [7, 4],
  ])("of %d is %d", (count, majority) => {
    expect(majorityOf(count)).toBe(majority);
  });
});

describe("majorityValue", () => {
  it.each([
    { values: [7], reached: 7 },
    { values: [7, 3], reached: 3 },
    { values: [7, 3, 5], reached: 5 },
    { values: [1, 9, 9, 1], reached: 1 },
    { values: [1, 2, 3, 4, 5], reached: 3 },
  ])("of $values is $reached", ({ values, reached }) => {
    expect(majorityValue(voters(values.length), (n) => values[n - 1]!)).toBe(reached);
  });

  it("is Infinity for an empty set, which binds nothing", () => {
    expect(majorityValue([], () => 0)).toBe(Number.POSITIVE_INFINITY);
  });

  it("is the greatest value that a counted majority has reached", () => {
    fc.assert(
      fc.property(fc.array(fc.nat(9), { minLength: 1, maxLength: 9 }), (values) => {
        const result = majorityValue(voters(values.length), (n) => values[n - 1]!);
        const having = (least: number) => values.filter((v) => v >= least).length;
        expect(having(result) * 2).toBeGreaterThan(values.length);
        expect(having(result + 1) * 2).toBeLessThanOrEqual(values.length);
      }),
    );
  });
});

describe("majorityVote", () => {
  it("is decided as soon as no missing vote can change it", () => {
    fc.assert(
      fc.property(
        fc.array(fc.constantFrom(true, false, undefined), { minLength: 1, maxLength: 9 }),
        (votes) => {
          // The slow twin fills in every missing vote both ways.
          const ends = new Set<boolean>();
          for (const filling of [true, false]) {
            const yes = votes.filter((vote) => vote ?? filling).length;
            ends.add(yes * 2 > votes.length);
          }
          const expected = ends.size === 2 ? "pending" : ends.has(true) ? "won" : "lost";
          expect(majorityVote(voters(votes.length), (n) => votes[n - 1])).toBe(expected);
        },
      ),
    );
  });

  it("does not count anybody else's vote", () => {
    const votes = new Map([4, 5, 6].map((n) => [id(n), true]));
    expect(majorityVote(voters(3), (n) => votes.get(n))).toBe("pending");
  });

  it("is won by an empty set, which binds nothing", () => {
    expect(majorityVote([], () => undefined)).toBe("won");
  });
});
