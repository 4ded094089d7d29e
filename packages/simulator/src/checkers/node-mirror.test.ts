import type { BatchId, Entry, LogId, LogIndex, LogWrite, Term } from "@d-engine/core";
import { describe, expect, it } from "vitest";
import { NodeMirror, type Reopened } from "./node-mirror.js";

const noops = (from: number, to: number, term: number): Entry[] =>
  Array.from({ length: to - from }, (_, at) => ({
    term: term as Term,
    index: (from + at) as LogIndex,
    payload: { kind: "noop" },
  }));

const write = (batch: number, entries: readonly Entry[]): LogWrite => ({
  batch: batch as BatchId,
  hardState: undefined,
  entries,
  commitIndex: 0 as LogIndex,
});

const at = (index: number, term = 1): LogId => ({
  term: term as Term,
  index: index as LogIndex,
});

const log = (entries: readonly Entry[], base = at(0, 0), snapshot?: LogId): Reopened => ({
  hardState: undefined,
  base,
  entries,
  snapshot,
});

describe("NodeMirror.reopen", () => {
  const durableTwoPendingThree = (): NodeMirror => {
    const mirror = new NodeMirror(1);
    mirror.write(write(1, noops(1, 3, 1)));
    mirror.persisted(1 as BatchId);
    mirror.write(write(2, noops(3, 6, 1)));
    return mirror;
  };

  it.each([
    { name: "what was durable", last: 2 },
    { name: "a part of a write that was divided", last: 4 },
    { name: "all of what was pending", last: 5 },
  ])("accepts $name", ({ last }) => {
    const found = noops(1, last + 1, 1);
    expect(durableTwoPendingThree().reopen(log(found))).toBeUndefined();
  });

  it.each([
    { name: "less than was durable", found: noops(1, 2, 1) },
    { name: "more than was written", found: noops(1, 7, 1) },
    { name: "something else", found: [...noops(1, 3, 1), ...noops(3, 4, 2)] },
  ])("tells of $name", ({ found }) => {
    expect(durableTwoPendingThree().reopen(log(found))).toMatch(/found .* durable was/);
  });
});

describe("NodeMirror.reopen beside a snapshot (rule R9)", () => {
  const mirrorOfSix = (): NodeMirror => {
    const mirror = new NodeMirror(1);
    mirror.write(write(1, noops(1, 7, 1)));
    mirror.persisted(1 as BatchId);
    return mirror;
  };
  const hardState = { term: 1 as Term, votedFor: undefined, minElectionTimeoutMs: 0 };

  it("accepts a log whose beginning is gone or not, once it was purged", () => {
    const found = log(noops(5, 7, 1), at(4), at(5));
    expect(mirrorOfSix().reopen(found)).toMatch(/purged to 0/);
    for (const first of [1, 3, 5]) {
      const mirror = mirrorOfSix();
      mirror.purged(at(4));
      const base = first === 1 ? at(0, 0) : at(first - 1);
      expect(mirror.reopen(log(noops(first, 7, 1), base, at(5)))).toBeUndefined();
    }
  });

  it("accepts only an empty log where the snapshot is not part of what it held", () => {
    const empty = { ...log([], at(9), at(9)), hardState };
    expect(mirrorOfSix().reopen(empty)).toBeUndefined();
    expect(mirrorOfSix().reopen(log(noops(1, 7, 1), at(0, 0), at(9)))).toMatch(/durable was/);
    const kept = log(noops(7, 9, 1), at(6), at(6));
    expect(mirrorOfSix().reopen(kept)).toMatch(/durable was|purged/);
  });

  it("accepts a reset that was written, with or without what followed it", () => {
    for (const last of [8, 10]) {
      const mirror = mirrorOfSix();
      mirror.write({ ...write(2, noops(9, 11, 1)), hardState, reset: at(8) });
      const found = { ...log(noops(9, last + 1, 1), at(8), at(8)), hardState };
      expect(mirror.reopen(found)).toBeUndefined();
    }
  });
});

describe("NodeMirror.wasDurable", () => {
  it("remembers what a sync replaced", () => {
    const mirror = new NodeMirror(1);
    mirror.write(write(1, noops(1, 3, 1)));
    mirror.write(write(2, noops(2, 3, 2)));
    expect(mirror.wasDurable(2, 1)).toBe(false);
    mirror.persisted(2 as BatchId);
    expect(mirror.wasDurable(2, 1)).toBe(true);
    expect(mirror.wasDurable(1, 1)).toBe(false);
  });
});
