import { describe, expect, it } from "vitest";
import { type KvRecord, nextRecord } from "../record.js";
import { chunkEvents, EventChunk } from "./event-chunk.js";

const memory = new ArrayBuffer(100);
const far = 2 ** 40;

function over(previous: KvRecord | undefined, revision: number, lease = 0): KvRecord {
  return nextRecord(previous, memory, 10, 10 + (revision % 7), revision, lease);
}

describe("EventChunk", () => {
  it("gives back each event as it was added, with whole records", () => {
    const made = over(undefined, far, 7);
    const changed = over(made, far + 1);
    const bound = over(changed, far + 2, far);
    const again = over(undefined, far + 4);
    const added = [
      { revision: far, key: "k", record: made, previous: undefined, deletedRevision: 0 },
      { revision: far + 1, key: "k", record: changed, previous: made, deletedRevision: 0 },
      { revision: far + 2, key: "k", record: bound, previous: changed, deletedRevision: 0 },
      { revision: far + 3, key: "k", record: undefined, previous: bound, deletedRevision: 0 },
      {
        revision: far + 4,
        key: "k",
        record: again,
        previous: undefined,
        deletedRevision: far + 3,
      },
    ];
    const chunk = new EventChunk();
    for (const { revision, key, record, previous, deletedRevision } of added) {
      chunk.add(revision, key, record, previous, deletedRevision);
    }
    expect(added.map((_, at) => chunk.event(at))).toEqual(added);
    expect(added.map((_, at) => chunk.isDelete(at))).toEqual([false, false, false, true, false]);
    expect(chunk.bytes).toBe(added.reduce((sum, _, at) => sum + chunk.eventBytes(at), 0));
  });

  it("makes no record that holds on to more than the memory of its value", () => {
    const chunk = new EventChunk();
    chunk.add(1, "k", over(undefined, 1), undefined, 0);
    expect(chunk.event(0).record?.memory).toBe(memory);
  });

  it("is full with its last row, and finds revisions in all of them", () => {
    const chunk = new EventChunk();
    for (let revision = 1; revision <= chunkEvents; revision++) {
      expect(chunk.isFull).toBe(false);
      chunk.add(2 * revision, "k", over(undefined, 2 * revision), undefined, 0);
    }
    expect([chunk.isFull, chunk.lastRevision]).toEqual([true, 2 * chunkEvents]);
    const asked = [0, 2, 3, 2 * chunkEvents, 2 * chunkEvents + 1];
    const places = [0, 0, 1, chunkEvents - 1, chunkEvents];
    expect(asked.map((revision) => chunk.lowerBound(revision))).toEqual(places);
  });
});
