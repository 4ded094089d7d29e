import { describe, expect, it } from "vitest";
import { checkLeases } from "./check-leases.js";
import { checkLocks } from "./check-locks.js";
import { WatchChecker } from "./check-watches.js";
import type { HeldLock, SeenEvent } from "./sighting.js";

const put = (revision: number, key = "k", value = `v${revision}`): SeenEvent => ({
  revision,
  kind: "put",
  key,
  value,
});

/** A watch from after `after`, with these batches, that says it got as far as `until`. */
function told(
  checker: WatchChecker,
  watch: string,
  after: number,
  batches: readonly SeenEvent[][],
  until?: number,
): void {
  checker.began({ kind: "watch began", watch, afterRevision: after });
  let last = after;
  for (const events of batches) {
    last = events.at(-1)?.revision ?? last;
    checker.batch({ kind: "batch", watch, revision: last, events });
  }
  checker.ended({ kind: "watch ended", watch, untilRevision: until ?? last });
}

describe("WatchChecker", () => {
  const story = [[put(1)], [put(2, "a"), put(2, "b")], [put(3), put(4)]];

  it("agrees with watches that tell the same from where they begin", () => {
    const checker = new WatchChecker();
    told(checker, "one", 0, story);
    told(checker, "two", 1, story.slice(1));
    told(checker, "three", 0, [[put(1), put(2, "a"), put(2, "b"), put(3)]]);
    told(checker, "four", 2, [[put(3)], [put(4)]], 9);
    expect(checker.verdict()).toEqual([]);
    expect(checker.events).toBe(5 + 4 + 4 + 2);
  });

  it.each([
    { what: "a gap (W3)", batches: [[put(1)], [put(3), put(4)]], problem: /left out 1 revisions/ },
    { what: "a repeat (W2)", batches: [...story, [put(4)]], problem: /told revision 4 again/ },
    { what: "a wrong order (W1)", batches: [[put(3)], [put(1)]], problem: /revision 1 late/ },
    {
      what: "a revision in two parts (W4)",
      batches: [[put(1)], [put(2, "a")], [put(2, "b")]],
      problem: /revision 2 again, or a second part/,
    },
    { what: "another value", batches: [[put(1, "k", "x")]], problem: /two contents/ },
    { what: "half a revision", batches: [[put(1)], [put(2, "a")]], problem: /two contents/ },
  ])("finds $what", ({ batches, problem }) => {
    const checker = new WatchChecker();
    told(checker, "one", 0, story);
    told(checker, "two", 0, batches);
    expect(checker.verdict().join("\n")).toMatch(problem);
  });

  it("finds progress past what was not told (W6)", () => {
    const checker = new WatchChecker();
    told(checker, "one", 0, story);
    told(checker, "two", 0, [[put(1)]], 3);
    expect(checker.verdict()).toEqual([
      "watch two left out 2 revisions, the first 2, which one saw; it told all from 1 to 3",
    ]);
  });
});

describe("checkLocks", () => {
  const hold = (
    token: number,
    fromNs: number,
    untilNs: number,
    writes: number[] = [],
  ): HeldLock => ({
    kind: "held",
    lock: "l",
    who: `w${token}`,
    token,
    fromNs,
    untilNs,
    end: "released",
    writes,
  });

  it("agrees with holders one after the other", () => {
    expect(checkLocks([hold(7, 20, 30, [8, 9]), hold(3, 0, 20, [4, 6]), hold(9, 31, 40)])).toEqual(
      [],
    );
  });

  it.each([
    {
      what: "two at a time",
      holds: [hold(3, 0, 20), hold(7, 19, 30)],
      problem: /at the same time/,
    },
    { what: "tokens against time", holds: [hold(7, 0, 20), hold(3, 21, 30)], problem: /same time/ },
    { what: "one token twice", holds: [hold(3, 0, 20), hold(3, 21, 30)], problem: /one token/ },
    {
      what: "a write of the one before",
      holds: [hold(3, 0, 20, [4, 9]), hold(7, 21, 30, [8])],
      problem: /first wrote at 9, the second at 8/,
    },
  ])("finds $what", ({ holds, problem }) => {
    expect(checkLocks(holds).join("\n")).toMatch(problem);
  });

  it("keeps locks apart", () => {
    expect(checkLocks([hold(3, 0, 20), { ...hold(7, 1, 30), lock: "other" }])).toEqual([]);
  });
});

it("checkLeases finds a key that went early, and not one that went in time", () => {
  const key = (goneNs: number) =>
    ({ kind: "leased", who: "w", key: "k", ttlMs: 10, renewedNs: 1e9, goneNs }) as const;
  expect(checkLeases([key(1e9 + 10e6)])).toEqual([]);
  expect(checkLeases([key(1e9 + 9.9e6)])).toEqual([
    "w: k was gone 9.9 ms after it was renewed for 10 ms",
  ]);
});
