import { setImmediate as turn } from "node:timers/promises";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { describe, expect, it } from "vitest";
import { OrderedIndex, type RecordSource } from "./ordered-index.js";
import { prefixRange } from "./prefix-range.js";
import { type KvRecord, nextRecord } from "./record.js";

const record = (revision: number): KvRecord =>
  nextRecord(undefined, new ArrayBuffer(0), 0, 0, revision, 0);

/** Writes as the store does. */
function set(index: OrderedIndex, key: string, revision: number): void {
  const slot = index.find(key);
  if (slot === undefined) index.insert(key, record(revision));
  else index.replace(slot, record(revision));
}

function contents(source: RecordSource): Map<string, number> {
  const found = new Map<string, number>();
  source.walk(prefixRange(""), (key, { modRevision }) => {
    expect(source.get(key)?.modRevision).toBe(modRevision);
    found.set(key, modRevision);
    return true;
  });
  expect(source.size).toBe(found.size);
  return found;
}

describe("OrderedIndex", () => {
  it("shows each write to point reads and to walks, first and later ones", () => {
    const index = new OrderedIndex();
    set(index, "k", 1);
    set(index, "k", 2);
    expect(contents(index)).toEqual(new Map([["k", 2]]));
    index.snapshot();
    set(index, "k", 3);
    set(index, "k", 4);
    expect(contents(index)).toEqual(new Map([["k", 4]]));
  });

  it("never changes a snapshot: overwritten, removed, returned and new keys (rule R16)", () => {
    const index = new OrderedIndex();
    for (const key of ["over", "gone", "back"]) set(index, key, 1);
    const first = index.snapshot();
    set(index, "over", 2);
    const second = index.snapshot();
    set(index, "over", 3);
    set(index, "over", 4);
    index.remove("gone");
    index.remove("back");
    set(index, "back", 5);
    set(index, "new", 6);
    expect(contents(first)).toEqual(new Map(Object.entries({ over: 1, gone: 1, back: 1 })));
    expect(contents(second)).toEqual(new Map(Object.entries({ over: 2, gone: 1, back: 1 })));
    expect(contents(index)).toEqual(new Map(Object.entries({ over: 4, back: 5, new: 6 })));
  });

  it("keeps every snapshot of a large index under random writes (rule R16)", () => {
    const index = new OrderedIndex();
    const twin = new Map<string, number>();
    const kept: { snapshot: RecordSource; expected: Map<string, number> }[] = [];
    const random = lehmer(42);
    for (let step = 1; step <= 60_000; step++) {
      const key = String(random() % 5000);
      if (random() % 3 === 0 && twin.delete(key)) index.remove(key);
      else {
        set(index, key, step);
        twin.set(key, step);
      }
      if (step % 5000 === 0) kept.push({ snapshot: index.snapshot(), expected: new Map(twin) });
    }
    expect(contents(index)).toEqual(twin);
    for (const { snapshot, expected } of kept) expect(contents(snapshot)).toEqual(expected);
  });

  it("keeps an old snapshot when those after it are gone, and nothing for those (rule R16)", async () => {
    const index = new OrderedIndex();
    set(index, "k", 1);
    let first: RecordSource | undefined = index.snapshot();
    set(index, "k", 2);
    index.snapshot();
    await collectGarbage();
    set(index, "k", 3);
    index.snapshot();
    set(index, "k", 4);
    await collectGarbage();
    expect(contents(first)).toEqual(new Map([["k", 1]]));
    expect(contents(index)).toEqual(new Map([["k", 4]]));

    const replaced = new WeakRef(index.get("k")!);
    index.snapshot();
    first = undefined;
    set(index, "k", 5);
    await collectGarbage();
    expect(replaced.deref()).toBeUndefined();
    set(index, "k", 6);
    expect(contents(index.snapshot())).toEqual(new Map([["k", 6]]));
  });

  it("walks in byte order within the range alone, and stops when told", () => {
    const index = new OrderedIndex();
    for (const key of ["b\xff", "a", "b", "c", "b\0", "ba"]) set(index, key, 1);
    const visited: string[] = [];
    index.walk(prefixRange("b"), (key) => visited.push(key) > 0);
    expect(visited).toEqual(["b", "b\0", "ba", "b\xff"]);
    visited.length = 0;
    index.walk(prefixRange(""), (key) => visited.push(key) < 2);
    expect(visited).toEqual(["a", "b"]);
  });
});

/** A small generator of positive integers, the same for the same seed. */
function lehmer(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state * 48_271) % 0x7fff_ffff;
    return state;
  };
}

/** In a turn of its own: what a turn has read through a weak reference stays until its end. */
async function collectGarbage(): Promise<void> {
  setFlagsFromString("--expose-gc");
  const collect = runInNewContext("gc") as () => void;
  await turn();
  collect();
  await turn();
}
