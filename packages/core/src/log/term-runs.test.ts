import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { at, inTerm, logId, type Position } from "../../test/support/messages.js";
import { TermRuns } from "./term-runs.js";

function runsOf(terms: readonly number[], first = 1): TermRuns {
  const runs = new TermRuns([]);
  terms.forEach((term, offset) => {
    runs.append(at(first + offset), inTerm(term));
  });
  return runs;
}

describe("TermRuns", () => {
  it.each<[number, Position]>([
    [1, [1, 1]],
    [3, [1, 1]],
    [4, [4, 4]],
    [5, [4, 4]],
    [9, [6, 6]],
  ])("knows which run holds index %d", (index, run) => {
    expect(runsOf([1, 1, 1, 4, 4, 6, 6, 6, 6]).runOf(at(index))).toEqual(logId(run));
  });

  it.each([
    { term: 0, last: undefined },
    { term: 1, last: 3 },
    { term: 3, last: 3 },
    { term: 4, last: 5 },
    { term: 5, last: 5 },
    { term: 9, last: 7 },
  ])("finds the last index up to term $term", ({ term, last }) => {
    expect(runsOf([1, 1, 1, 4, 4, 6, 6]).lastIndexUpTo(inTerm(term), at(7))).toBe(last);
  });

  it("refuses a term or an index that goes back", () => {
    expect(() => runsOf([2, 1])).toThrow("term 1 at 2 after term 2 from 1");
    const runs = runsOf([1]);
    expect(() => runs.append(at(1), inTerm(2))).toThrow("term 2 at 1 after term 1 from 1");
  });

  it("knows nothing of an index before its first run", () => {
    expect(() => runsOf([1], 5).runOf(at(4))).toThrow("no term is known for index 4");
  });

  it.each<[string, Position, Position, Position]>([
    ["within a run", [4, 5], [4, 5], [6, 6]],
    ["at the end of a run", [1, 3], [1, 3], [4, 4]],
    ["at the start of a run", [4, 4], [4, 4], [4, 4]],
    ["at the end", [6, 7], [6, 7], [6, 7]],
  ])("forgets what is before a base %s", (_name, base, own, next) => {
    const runs = runsOf([1, 1, 1, 4, 4, 6, 6]);
    runs.compactTo(logId(base));
    expect(runs.first).toEqual(logId(own));
    expect(runs.runOf(at(Math.min(base[1] + 1, 7)))).toEqual(logId(next));
    expect(runs.last?.term).toBe(6);
    expect(() => runs.runOf(at(base[1] - 1))).toThrow("no term is known");
  });

  it("refuses a base of another term than its run's, and one before all runs", () => {
    expect(() => runsOf([1, 1]).compactTo(logId([2, 2]))).toThrow("no run of term 2");
    expect(() => runsOf([1, 1], 5).compactTo(logId([1, 4]))).toThrow("no run of term 1");
  });

  it("begins anew, with a lower term too, and goes on behind it", () => {
    const runs = runsOf([1, 7, 7]);
    runs.reset(logId([4, 9]));
    runs.append(at(10), inTerm(4));
    runs.append(at(11), inTerm(6));
    expect([9, 10, 11].map((index) => runs.runOf(at(index)).term)).toEqual([4, 4, 6]);
    runs.truncateFrom(at(10));
    expect(runs.last).toEqual(logId([4, 9]));
    expect(runs.lastIndexUpTo(inTerm(3), at(9))).toBeUndefined();
  });

  it("agrees with a plain list of terms after any appends and truncations", () => {
    const edit = fc.oneof(
      fc.record({ kind: fc.constant("append" as const), rise: fc.nat(2) }),
      fc.record({ kind: fc.constant("truncate" as const), keep: fc.nat(12) }),
    );
    fc.assert(
      fc.property(fc.array(edit, { maxLength: 40 }), (edits) => {
        const runs = new TermRuns([]);
        const terms: number[] = [];
        for (const change of edits) {
          if (change.kind === "append") {
            terms.push((terms.at(-1) ?? 1) + change.rise);
            runs.append(at(terms.length), inTerm(terms.at(-1)!));
          } else {
            terms.length = Math.min(terms.length, change.keep);
            runs.truncateFrom(at(change.keep + 1));
          }
        }
        terms.forEach((term, offset) => {
          const first = terms.indexOf(term) + 1;
          expect(runs.runOf(at(offset + 1))).toEqual(logId([term, first]));
        });
        for (let term = 0; term <= (terms.at(-1) ?? 0); term++) {
          const last = terms.filter((t) => t <= term).length;
          const found = runs.lastIndexUpTo(inTerm(term), at(terms.length));
          expect(found).toBe(last === 0 ? undefined : last);
        }
      }),
    );
  });
});
