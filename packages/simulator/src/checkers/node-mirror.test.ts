import type { BatchId, Entry, LogIndex, LogWrite, Term } from "@d-engine/core";
import { describe, expect, it } from "vitest";
import { NodeMirror } from "./node-mirror.js";

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
    expect(durableTwoPendingThree().reopen(undefined, found)).toBeUndefined();
  });

  it.each([
    { name: "less than was durable", found: noops(1, 2, 1) },
    { name: "more than was written", found: noops(1, 7, 1) },
    { name: "something else", found: [...noops(1, 3, 1), ...noops(3, 4, 2)] },
  ])("tells of $name", ({ found }) => {
    expect(durableTwoPendingThree().reopen(undefined, found)).toMatch(/found .* durable was/);
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
