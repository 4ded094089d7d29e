import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { termRunsOf } from "../../test/support/driven-node.js";
import { at, entries, entry, inTerm, logId, type Position } from "../../test/support/messages.js";
import { type Entry, entryBytes } from "../entry.js";
import { RaftLog } from "./raft-log.js";

/** A log behind `base` with the given terms, the last `cached` entries of it in memory. */
function logOf(
  terms: readonly number[],
  { base = [0, 0] as Position, cached = terms.length } = {},
) {
  const first = base[1] + 1;
  return new RaftLog({
    base: logId(base),
    last: logId([terms.at(-1) ?? base[0], base[1] + terms.length]),
    termRuns: termRunsOf(terms, first).map(logId),
    tail: entries(first, terms).slice(terms.length - cached),
  });
}

const all = Number.POSITIVE_INFINITY;

describe("RaftLog", () => {
  it.each([
    { name: "a first term that begins behind the base", setup: { termRuns: [logId([1, 2])] } },
    { name: "a last term that is not the last run's", setup: { last: logId([2, 2]) } },
    { name: "no term at all", setup: { termRuns: [] } },
    { name: "a tail that ends too early", setup: { tail: entries(1, [1]) } },
    { name: "a tail that reaches below the base", setup: { tail: entries(0, [1, 1, 1]) } },
  ])("refuses to start with $name", ({ setup }) => {
    const whole = {
      base: logId([0, 0]),
      last: logId([1, 2]),
      termRuns: [logId([1, 1])],
      tail: entries(1, [1, 1]),
    };
    expect(() => new RaftLog({ ...whole, ...setup })).toThrow();
  });
});

describe("RaftLog.termAt", () => {
  it.each([
    { index: 3, term: "compacted" },
    { index: 4, term: 2 },
    { index: 5, term: 2 },
    { index: 7, term: 3 },
    { index: 8, term: "absent" },
  ])("says $term of index $index", ({ index, term }) => {
    expect(logOf([2, 3, 3], { base: [2, 4] }).termAt(at(index))).toBe(term);
  });

  it("knows the terms of entries that left memory (scenario 23)", () => {
    const log = logOf([1, 2, 3]);
    log.evict(at(2), 0);
    expect([1, 2, 3].map((index) => log.termAt(at(index)))).toEqual([1, 2, 3]);
  });

  it("knows the term before an empty log (scenario 47)", () => {
    const log = logOf([], { base: [4, 9] });
    expect(log.termAt(at(9))).toBe(4);
    expect(log.last).toEqual(logId([4, 9]));
    log.append([entry([5, 10])]);
    expect(log.last).toEqual(logId([5, 10]));
  });
});

describe("RaftLog.append", () => {
  it("continues right behind the last entry", () => {
    const log = logOf([1, 1]);
    log.append(entries(3, [1, 2]));
    expect(log.last).toEqual(logId([2, 4]));
    expect(log.slice(at(1), at(5), all)).toEqual(entries(1, [1, 1, 1, 2]));
  });

  it.each([
    { name: "a gap", added: entry([1, 4]) },
    { name: "an overlap", added: entry([1, 2]) },
    { name: "a term that falls", added: entry([0, 3]) },
  ])("refuses $name", ({ added }) => {
    expect(() => logOf([1, 1]).append([added])).toThrow("appending");
  });
});

describe("RaftLog.truncateFrom", () => {
  it("drops the suffix, its terms and its bytes", () => {
    const log = logOf([1, 1, 2, 2]);
    log.truncateFrom(at(3));
    expect(log.last).toEqual(logId([1, 2]));
    expect(log.termAt(at(3))).toBe("absent");
    expect(log.cachedBytes).toBe(entries(1, [1, 1]).reduce((sum, e) => sum + entryBytes(e), 0));
  });

  it("goes down to the base and below what memory holds", () => {
    const log = logOf([2, 2, 3], { base: [2, 4], cached: 1 });
    log.truncateFrom(at(5));
    expect(log.last).toEqual(logId([2, 4]));
    log.append([entry([5, 5])]);
    expect(log.slice(at(5), at(6), all)).toEqual([entry([5, 5])]);
  });

  it("does nothing behind the end", () => {
    const log = logOf([1]);
    log.truncateFrom(at(2));
    expect(log.last).toEqual(logId([1, 1]));
  });

  it("refuses to cut into the base", () => {
    expect(() => logOf([2], { base: [2, 4] }).truncateFrom(at(4))).toThrow("truncating at 4");
  });
});

describe("RaftLog.slice", () => {
  it("gives at least one entry, and no more than fit", () => {
    const log = logOf([1, 1, 1]);
    const size = entryBytes(entry([1, 1]));
    expect(log.slice(at(1), at(4), 2 * size)).toHaveLength(2);
    expect(log.slice(at(1), at(4), 2 * size - 1)).toHaveLength(1);
    expect(log.slice(at(1), at(4), 0)).toHaveLength(1);
  });

  it("says undefined of what left memory, and gives nothing behind the end", () => {
    const log = logOf([1, 1, 1], { cached: 1 });
    expect(log.slice(at(2), at(4), all)).toBeUndefined();
    expect(log.slice(at(4), at(9), all)).toEqual([]);
  });
});

describe("RaftLog.evict", () => {
  it("drops the oldest until the rest fits, and nothing above the given index", () => {
    const log = logOf([1, 1, 1, 1]);
    log.evict(at(4), 2 * entryBytes(entry([1, 1])));
    expect(log.cachedFrom).toBe(3);
    log.evict(at(3), 0);
    expect(log.cachedFrom).toBe(4);
    expect(log.cachedBytes).toBe(entryBytes(entry([1, 4])));
  });
});

describe("RaftLog.compact", () => {
  it("moves the base to a retained entry, in memory or not", () => {
    const log = logOf([1, 1, 2, 2, 3], { cached: 2 });
    log.compact(logId([2, 3]));
    expect(log).toMatchObject({ base: logId([2, 3]), cachedFrom: 4, last: logId([3, 5]) });
    log.compact(logId([2, 4]));
    expect(log).toMatchObject({ base: logId([2, 4]), cachedFrom: 5 });
    expect(log.cachedBytes).toBe(entryBytes(entry([3, 5])));
    expect([3, 4, 5].map((index) => log.termAt(at(index)))).toEqual(["compacted", 2, 3]);
    expect(log.slice(at(5), at(6), all)).toEqual([entry([3, 5])]);
  });

  it("leaves nothing but the base's term when it takes all (scenario 47)", () => {
    const log = logOf([1, 2]);
    log.compact(logId([2, 2]));
    expect(log).toMatchObject({ base: logId([2, 2]), last: logId([2, 2]), cachedBytes: 0 });
    log.append([entry([2, 3])]);
    expect(log.slice(at(3), at(4), all)).toEqual([entry([2, 3])]);
    log.truncateFrom(at(3));
    expect(log.last).toEqual(logId([2, 2]));
    expect(() => log.truncateFrom(at(2))).toThrow("base 2");
  });

  it("changes nothing for an older base", () => {
    const log = logOf([3, 3], { base: [2, 4] });
    log.compact(logId([1, 3]));
    log.compact(logId([9, 4]));
    expect(log.base).toEqual(logId([2, 4]));
  });

  it.each([
    { name: "another term", base: [2, 2] as Position },
    { name: "an entry that is not there", base: [3, 4] as Position },
  ])("refuses a base with $name", ({ base }) => {
    expect(() => logOf([1, 1, 3]).compact(logId(base))).toThrow("which is not in the log");
  });
});

describe("RaftLog.reset", () => {
  it.each([
    { name: "ahead of the log", base: [3, 9] as Position },
    { name: "in its middle, with another term", base: [3, 2] as Position },
    { name: "in its middle, with a lower term", base: [1, 2] as Position },
  ])("begins anew $name", ({ base }) => {
    const log = logOf([1, 2, 2, 2]);
    log.evict(at(1), 0);
    log.reset(logId(base));
    const [term, index] = base;
    expect(log).toMatchObject({ base: logId(base), last: logId(base), cachedBytes: 0 });
    expect(log.termAt(at(index))).toBe(term);
    expect(log.termAt(at(index + 1))).toBe("absent");
    expect(log.termAt(at(index - 1))).toBe("compacted");
    expect(log.slice(at(index + 1), at(index + 9), all)).toEqual([]);
    log.append(entries(index + 1, [term, 5]));
    expect(log.slice(at(index + 1), at(index + 9), all)).toEqual(entries(index + 1, [term, 5]));
  });
});

describe("RaftLog under any sequence of changes", () => {
  const change = fc.oneof(
    fc.record({ kind: fc.constant("append" as const), rise: fc.nat(1), count: fc.nat(3) }),
    fc.record({ kind: fc.constant("truncate" as const), back: fc.nat(6) }),
    fc.record({ kind: fc.constant("evict" as const), keep: fc.nat(4) }),
    fc.record({ kind: fc.constant("compact" as const), keep: fc.nat(4) }),
    fc.record({ kind: fc.constant("reset" as const), ahead: fc.nat(3) }),
  );

  it("agrees with a plain array", () => {
    fc.assert(
      fc.property(fc.array(change, { maxLength: 60 }), (changes) => {
        const log = logOf([]);
        /** Retained entries; `twin[0]` stands behind `base`. */
        let twin: Entry[] = [];
        let base: Position = [0, 0];
        let evictedTo = 0;
        const last = () => base[1] + twin.length;
        for (const step of changes) {
          if (step.kind === "append") {
            const term = Math.max(1, (twin.at(-1)?.term ?? base[0]) + step.rise);
            const added = entries(last() + 1, new Array(step.count).fill(term));
            log.append(added);
            twin.push(...added);
          } else if (step.kind === "truncate") {
            const from = Math.max(evictedTo + 1, last() - step.back + 1);
            log.truncateFrom(at(from));
            twin.length = Math.min(twin.length, from - base[1] - 1);
          } else if (step.kind === "evict") {
            const upTo = Math.max(base[1], last() - step.keep);
            log.evict(at(upTo), 0);
            evictedTo = Math.max(evictedTo, upTo);
          } else if (step.kind === "compact") {
            const dropped = twin.splice(0, Math.max(0, twin.length - step.keep)).at(-1);
            if (dropped !== undefined) base = [dropped.term, dropped.index];
            log.compact(logId(base));
            evictedTo = Math.max(evictedTo, base[1]);
          } else {
            base = [(twin.at(-1)?.term ?? base[0]) + 1, last() + step.ahead];
            log.reset(logId(base));
            twin = [];
            evictedTo = base[1];
          }
          expect(log.cachedFrom).toBe(evictedTo + 1);
          const cached = twin.filter((e) => e.index > evictedTo);
          expect(log.slice(log.cachedFrom, at(last() + 1), all)).toEqual(cached);
          expect(log.cachedBytes).toBe(cached.reduce((sum, e) => sum + entryBytes(e), 0));
          expect(twin.map((e) => log.termAt(e.index))).toEqual(twin.map((e) => e.term));
          expect(log.termAt(at(base[1]))).toBe(base[0]);
          expect(log.lastIndex).toBe(last());
          const terms = [base[0], ...twin.map((e) => e.term)];
          for (const term of new Set(terms)) {
            const found = base[1] + terms.lastIndexOf(term);
            expect(log.lastIndexUpToTerm(inTerm(term))).toBe(found);
          }
        }
      }),
    );
  });

  it("keeps memory bounded by what is cached, not by what ever was", () => {
    const log = logOf([]);
    for (let index = 1; index <= 10_000; index++) {
      log.append([entry([1, index], "")]);
      log.evict(at(index), 0);
    }
    expect(log).toMatchObject({ cachedBytes: 0, cachedFrom: 10_001, lastIndex: 10_000 });
    expect(log.lastIndexUpToTerm(inTerm(1))).toBe(10_000);
  });
});
