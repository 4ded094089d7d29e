import { describe, expect, it } from "vitest";
import { findViolations } from "./check.js";
import { Journal, type State, type StoreView, type Verdict, type Write } from "./journal.js";

const acknowledged: Verdict = { kind: "acknowledged", changed: true };
const refused: Verdict = { kind: "refused", reason: "x" };
const unknown: Verdict = { kind: "unknown", reason: "x" };

function write(sets: State, called: number, returned: number, verdict = acknowledged): Write {
  return {
    key: "k",
    operation: sets === undefined ? "delete" : "put",
    sets,
    called,
    returned,
    verdict,
  };
}

function store(value: State, revision: number): StoreView {
  return { revision, values: new Map(value === undefined ? [] : [["k", value]]) };
}

function check(base: StoreView, writes: readonly Write[], after: StoreView): string[] {
  const journal = new Journal();
  for (const one of writes) journal.record(one);
  return findViolations(base, journal, after);
}

describe("findViolations accepts", () => {
  it.each([
    { name: "an untouched store", base: store("a", 5), writes: [], after: store("a", 5) },
    {
      name: "the last acknowledged put",
      base: store(undefined, 0),
      writes: [write("a", 1, 2), write("b", 3, 4)],
      after: store("b", 2),
    },
    {
      name: "either of two concurrent puts",
      base: store(undefined, 0),
      writes: [write("a", 1, 4), write("b", 2, 3)],
      after: store("a", 2),
    },
    {
      name: "an unknown put that happened",
      base: store("a", 1),
      writes: [write("b", 1, 2, unknown)],
      after: store("b", 2),
    },
    {
      name: "an unknown put that did not",
      base: store("a", 1),
      writes: [write("b", 1, 2, unknown)],
      after: store("a", 1),
    },
    {
      name: "an unknown put, overwritten",
      base: store("a", 1),
      writes: [write("b", 1, 4, unknown), write("c", 2, 3)],
      after: store("c", 3),
    },
    {
      name: "an acknowledged delete",
      base: store("a", 1),
      writes: [write(undefined, 1, 2)],
      after: store(undefined, 2),
    },
    {
      name: "a delete of nothing",
      base: store(undefined, 1),
      writes: [write(undefined, 1, 2, { kind: "acknowledged", changed: false })],
      after: store(undefined, 1),
    },
    {
      name: "a refused put without effect",
      base: store("a", 1),
      writes: [write("b", 1, 2, refused)],
      after: store("a", 1),
    },
  ])("$name", ({ base, writes, after }) => {
    expect(check(base, writes, after)).toEqual([]);
  });
});

describe("findViolations finds", () => {
  it.each([
    {
      name: "a lost first put",
      base: store(undefined, 0),
      writes: [write("a", 1, 2)],
      after: store(undefined, 1),
      says: /acknowledged after/,
    },
    {
      name: "a lost second put",
      base: store(undefined, 0),
      writes: [write("a", 1, 2), write("b", 3, 4)],
      after: store("a", 2),
      says: /acknowledged after/,
    },
    {
      name: "a lost delete",
      base: store("a", 1),
      writes: [write(undefined, 1, 2)],
      after: store("a", 2),
      says: /acknowledged after/,
    },
    {
      name: "a key that vanished",
      base: store("a", 1),
      writes: [],
      after: store(undefined, 1),
      says: /is missing/,
    },
    {
      name: "a refused put that happened",
      base: store("a", 1),
      writes: [write("b", 1, 2, refused)],
      after: store("b", 1),
      says: /refused/,
    },
    {
      name: "a value from nowhere",
      base: store("a", 1),
      writes: [],
      after: store("z", 1),
      says: /nobody wrote/,
    },
    {
      name: "a lost write that was overwritten",
      base: store(undefined, 0),
      writes: [write("a", 1, 2), write("b", 3, 4)],
      after: store("b", 1),
      says: /with all acknowledged/,
    },
    {
      name: "a write that happened twice",
      base: store(undefined, 0),
      writes: [write("a", 1, 2)],
      after: store("a", 2),
      says: /happened once/,
    },
    {
      name: "a revision that went back",
      base: store("a", 9),
      writes: [],
      after: store("a", 8),
      says: /revision 8/,
    },
    {
      name: "a revision behind one that was told",
      base: store("a", 1),
      writes: [
        write("b", 1, 2, { kind: "acknowledged", changed: true, revision: 3 }),
        write("c", 1, 3, unknown),
      ],
      after: store("b", 2),
      says: /told of 3/,
    },
  ])("$name", ({ base, writes, after, says }) => {
    expect(check(base, writes, after).join("\n")).toMatch(says);
  });
});
