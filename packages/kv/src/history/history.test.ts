import { describe, expect, it } from "vitest";
import { prefixRange } from "../prefix-range.js";
import { nextRecord } from "../record.js";
import { chunkEvents } from "./event-chunk.js";
import { History } from "./history.js";

const record = (revision: number) => nextRecord(undefined, new ArrayBuffer(10), 0, 10, revision, 0);

/** Revisions from 1 on: each makes a key and the next one deletes it. */
function historyOf(revisions: number, keyAt: (revision: number) => string): History {
  const history = new History();
  for (let revision = 1; revision <= revisions; revision++) {
    const key = keyAt(revision);
    if (revision % 2 === 1) history.add(revision, key, record(revision), undefined);
    else history.add(revision, key, undefined, record(revision - 1));
  }
  return history;
}

function tombstones(history: History): number[] {
  const revisions: number[] = [];
  history.walkTombstones(prefixRange(""), (_, revision) => {
    revisions.push(revision);
  });
  return revisions;
}

function revisionsIn(events: Pick<History, "visit">, from: number, to: number): number[] {
  const revisions: number[] = [];
  events.visit(from, to, ({ revision }) => revisions.push(revision) > 0);
  return revisions;
}

const count = 2 * chunkEvents + 10;
const pairKey = (revision: number) => String(Math.ceil(revision / 2)).padStart(6, "0");

describe("History", () => {
  it("moves the boundary at once, and gives memory back in bounded steps", () => {
    const history = historyOf(count, pairKey);
    history.compact(2 * chunkEvents + 1);
    expect(history.size.events).toBe(10);
    expect(tombstones(history)).toHaveLength(count / 2);
    history.sweep(100);
    expect(tombstones(history)).toHaveLength(count / 2 - 50);
    for (let i = 0; i < 50; i++) history.sweep(100);
    // Those of the chunks that are compacted as a whole.
    expect(tombstones(history)).toHaveLength(5);
    expect(history.find(count, pairKey(count))?.previous?.modRevision).toBe(count - 1);
  });

  it("sweeps nothing that can be read: not a chunk that reaches over the boundary", () => {
    const history = historyOf(count, pairKey);
    history.compact(chunkEvents);
    for (let i = 0; i < 50; i++) history.sweep(100);
    expect(tombstones(history)).toHaveLength(count / 2);
    expect(revisionsIn(history, chunkEvents, chunkEvents + 3)).toEqual([
      chunkEvents,
      chunkEvents + 1,
      chunkEvents + 2,
    ]);
  });

  it("keeps the tombstone of a key that was made and deleted again since", () => {
    const history = historyOf(count, () => "k");
    history.compact(chunkEvents + 1);
    for (let i = 0; i < 50; i++) history.sweep(100);
    expect(tombstones(history)).toEqual([count]);
  });

  it("takes nothing from a view, and adds nothing to what it is asked for (rule R16)", () => {
    const history = historyOf(count, pairKey);
    const view = history.view();
    history.compact(count);
    for (let i = 0; i < 50; i++) history.sweep(100);
    history.add(count + 1, "later", record(count + 1), undefined);
    expect([view.oldestRevision, view.oldestEventRevision]).toEqual([0, 1]);
    expect(revisionsIn(view, 1, count + 1)).toHaveLength(count);
  });

  it.each([
    { name: "events", kept: { events: 100, bytes: 1e9 }, boundary: count - 99 },
    { name: "bytes", kept: { events: 1e9, bytes: 1490 }, boundary: count - 9 },
    {
      name: "events of several chunks",
      kept: { events: 1500, bytes: 1e9 },
      boundary: count - 1499,
    },
    { name: "nothing: but the newest", kept: { events: 0, bytes: 0 }, boundary: count },
    { name: "everything", kept: { events: count, bytes: 1e9 }, boundary: undefined },
  ])("finds the boundary that keeps so many $name", ({ kept, boundary }) => {
    // Per two events: 128 + 6 bytes each, and 10 of the value that was deleted.
    expect(historyOf(count, pairKey).boundaryFor(kept)).toBe(boundary);
  });
});
