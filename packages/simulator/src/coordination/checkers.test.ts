import type { WatchBatch, WatchEvent } from "@d-engine/client";
import { describe, expect, it } from "vitest";
import type { JournalEntry } from "../checkers/equal-stores.js";
import { pairOf, type TwinEvent, type TwinRecord } from "../twin/twin-record.js";
import { toBytes } from "../workload/call.js";
import { rangeFault, txnFault } from "./check-answers.js";
import { lifeFault } from "./check-lives.js";
import { unheardBy, type WatchTruth, watchFault } from "./check-watches.js";
import type { SeenLife, SeenRange, SeenTxn, SeenWatch } from "./observations.js";
import { Past } from "./past.js";

function recordOf(value: string, revision: number, version = 1): TwinRecord {
  return {
    value,
    createRevision: revision - version + 1,
    modRevision: revision,
    version,
    lease: 0,
  };
}

const first = recordOf("one", 1);
const second = recordOf("two", 2, 2);
const other = recordOf("three", 3);
const events: readonly TwinEvent[] = [
  { revision: 1, key: "p/1", record: first, previous: undefined },
  { revision: 2, key: "p/1", record: second, previous: first },
  { revision: 3, key: "p/2", record: other, previous: undefined },
  { revision: 3, key: "p/1", record: undefined, previous: second },
];
const truth: WatchTruth = { events, revision: 3, oldestRevision: 0 };

function put(key: string, record: TwinRecord, previous?: TwinRecord): WatchEvent {
  return {
    kind: "put",
    revision: record.modRevision,
    record: pairOf(key, record, false),
    previous: previous && pairOf(key, previous, false),
  };
}

const putOne = put("p/1", first);
const putTwo = put("p/1", second, first);
const putThree = put("p/2", other);
const deleted: WatchEvent = {
  kind: "delete",
  revision: 3,
  key: toBytes("p/1"),
  previous: pairOf("p/1", second, false),
};
const told: readonly WatchBatch[] = [
  { revision: 1, events: [putOne] },
  { revision: 2, events: [putTwo] },
  { revision: 3, events: [putThree, deleted] },
];

function watchOf(change: Partial<SeenWatch> = {}): SeenWatch {
  return {
    name: "w",
    place: 0,
    from: "p/",
    to: "p0",
    only: undefined,
    previous: true,
    startRevision: 1,
    batches: [...told],
    revision: 3,
    compactedAt: undefined,
    isOpen: true,
    ...change,
  };
}

describe("watchFault", () => {
  it("accepts what was told as it was, whole or from a later revision", () => {
    expect(watchFault(watchOf(), truth)).toBeUndefined();
    expect(watchFault(watchOf({ startRevision: 3, batches: [told[2]!] }), truth)).toBeUndefined();
    expect(watchFault(watchOf({ batches: [], revision: 0 }), truth)).toBeUndefined();
    const puts = [told[0]!, told[1]!, { revision: 3, events: [putThree] }];
    expect(watchFault(watchOf({ only: "put", batches: puts }), truth)).toBeUndefined();
  });

  it.each<{ name: string; change: Partial<SeenWatch>; fault: string }>([
    { name: "an event is left out", change: { batches: [told[0]!, told[2]!] }, fault: "W" },
    {
      name: "an event is told twice",
      change: { batches: [told[0]!, told[0]!, told[1]!, told[2]!] },
      fault: "W1-W3",
    },
    {
      name: "an event comes after a later one",
      change: { batches: [told[1]!, told[0]!, told[2]!] },
      fault: "W",
    },
    {
      name: "revisions go back",
      change: {
        batches: [
          { revision: 2, events: [putOne, putTwo] },
          { ...told[0]!, revision: 1 },
        ],
      },
      fault: "W1",
    },
    {
      name: "one revision comes in two parts",
      change: {
        batches: [told[0]!, told[1]!, { revision: 3, events: [putThree] }],
      },
      fault: "W4",
    },
    {
      name: "a batch is empty",
      change: { batches: [{ revision: 1, events: [] }] },
      fault: "W4",
    },
    {
      name: "a batch names less than it holds",
      change: { batches: [{ revision: 1, events: [putOne, putTwo] }, told[2]!] },
      fault: "W6",
    },
    {
      name: "it says that it is further than what it told",
      change: { batches: [told[0]!], revision: 2 },
      fault: "W6",
    },
    { name: "it is ahead of the store", change: { revision: 4 }, fault: "W6" },
    {
      name: "a value is another one",
      change: { batches: [{ revision: 1, events: [put("p/1", { ...first, value: "x" })] }] },
      fault: "W1-W3",
    },
    {
      name: "what was there before is left out",
      change: { batches: [told[0]!, { revision: 2, events: [put("p/1", second)] }, told[2]!] },
      fault: "W1-W3",
    },
    {
      name: "a delete is told as a put",
      change: {
        batches: [told[0]!, told[1]!, { revision: 3, events: [putThree, put("p/1", other)] }],
      },
      fault: "W1-W3",
    },
    {
      name: "what a filter keeps out is told",
      change: { only: "delete", batches: [told[0]!] },
      fault: "W1-W3",
    },
    {
      name: "it is told of a gap that is none",
      change: { batches: [told[0]!], revision: 1, compactedAt: 1 },
      fault: "W9",
    },
  ])("finds that $name", ({ change, fault }) => {
    expect(watchFault(watchOf(change), truth)).toContain(fault);
  });

  it("accepts the end of a watch whose next revision is compacted", () => {
    const ended = watchOf({ batches: [told[0]!], revision: 1, compactedAt: 1 });
    expect(watchFault(ended, { ...truth, oldestRevision: 3 })).toBeUndefined();
  });
});

describe("unheardBy (W3)", () => {
  it("names the first event that is missing at the end", () => {
    expect(unheardBy(watchOf(), truth)).toBeUndefined();
    expect(unheardBy(watchOf({ batches: [told[0]!] }), truth)).toBe(events[1]);
    expect(unheardBy(watchOf({ batches: [], startRevision: undefined }), truth)).toBeUndefined();
  });
});

const entry: JournalEntry = {
  index: 7,
  atMs: 50,
  attempt: "a",
  bytes: new Uint8Array(0),
  outcome: { succeeded: true, revision: 3, refusal: undefined, detail: "" },
  events: [],
};

const times = { callMs: 40, endMs: 60, knownRevision: 3 };
const failed = {
  ...times,
  status: "fail",
  code: "RATE_LIMITED",
  oldestRevision: undefined,
} as const;

function txnOf(succeeded: boolean, revision: number, change: Partial<typeof times> = {}): SeenTxn {
  const value = { kind: "txn", succeeded, revision, results: [] } as const;
  return { attempt: "a", ended: { status: "ok", value, ...times, ...change } };
}

describe("txnFault", () => {
  it("accepts what was applied as it was answered, and a refusal without effect", () => {
    expect(txnFault(txnOf(true, 3), entry)).toBeUndefined();
    expect(txnFault({ attempt: "a", ended: failed }, undefined)).toBeUndefined();
    const unknown = { ...failed, status: "unknown" } as const;
    expect(txnFault({ attempt: "a", ended: unknown }, entry)).toBeUndefined();
  });

  it.each([
    {
      name: "a refused one was applied",
      seen: { attempt: "a", ended: failed },
      at: entry,
      fault: "C3",
    },
    { name: "an answered one was lost", seen: txnOf(true, 3), at: undefined, fault: "C2" },
    { name: "the outcome is another", seen: txnOf(false, 3), at: entry, fault: "C1" },
    { name: "the revision is another", seen: txnOf(true, 2), at: entry, fault: "C1" },
    { name: "it was answered before", seen: txnOf(true, 3, { endMs: 49 }), at: entry, fault: "C1" },
    { name: "it was asked after", seen: txnOf(true, 3, { callMs: 51 }), at: entry, fault: "C1" },
  ])("finds that $name", ({ seen, at, fault }) => {
    expect(txnFault(seen, at)).toContain(fault);
  });
});

const past = new Past(events);

function rangeOf(
  revision: number,
  records: readonly (readonly [string, TwinRecord])[],
  change: Partial<Omit<SeenRange, "ended">> & { knownRevision?: number; count?: number } = {},
): SeenRange {
  const entries = records.map(([key, record]) => pairOf(key, record, false));
  const { knownRevision = 0, count = entries.length, ...rest } = change;
  const value = { entries, count, more: false, revision };
  const ended = { ...times, knownRevision, status: "ok", value } as const;
  return { revision: undefined, consistency: "linearizable", ...rest, ended };
}

describe("rangeFault", () => {
  it("accepts the state of the revision that it is of", () => {
    expect(rangeFault(rangeOf(3, [["p/2", other]], { knownRevision: 3 }), past, 0)).toBeUndefined();
    expect(rangeFault(rangeOf(3, [["p/1", second]], { revision: 2 }), past, 0)).toBeUndefined();
    const old = rangeOf(2, [["p/1", second]], { consistency: "eventual", knownRevision: 3 });
    expect(rangeFault(old, past, 0)).toBeUndefined();
  });

  it.each([
    {
      name: "an old state is told as the present",
      seen: rangeOf(2, [["p/1", second]], { knownRevision: 3 }),
    },
    { name: "a key is missing", seen: rangeOf(3, []) },
    {
      name: "a deleted key is there",
      seen: rangeOf(3, [
        ["p/1", second],
        ["p/2", other],
      ]),
    },
    { name: "another revision answers", seen: rangeOf(3, [["p/2", other]], { revision: 2 }) },
    { name: "the count is another", seen: rangeOf(3, [["p/2", other]], { count: 2 }) },
  ])("finds that $name", ({ seen }) => {
    expect(rangeFault(seen, past, 0)).toContain("C1");
  });

  it("accepts COMPACTED only below the oldest revision (W9)", () => {
    const ended = { ...failed, code: "COMPACTED", oldestRevision: 2 };
    const seen = { revision: 1, consistency: "linearizable", ended } as const;
    expect(rangeFault(seen, past, 2)).toBeUndefined();
    expect(rangeFault(seen, past, 1)).toContain("W9");
    expect(rangeFault({ ...seen, revision: 2 }, past, 2)).toContain("W9");
    expect(rangeFault({ ...seen, revision: undefined }, past, 2)).toContain("W9");
  });
});

describe("lifeFault", () => {
  const life: SeenLife = { attempt: "a", ttlMs: 1_050, callMs: 0, heldMs: 1_100, isRevoked: false };
  const endAt = (atMs: number): Map<string, JournalEntry> => new Map([["a", { ...entry, atMs }]]);

  it("accepts an end after its time, by hand, or none yet", () => {
    expect(lifeFault(life, endAt(1_100))).toBeUndefined();
    expect(lifeFault(life, new Map())).toBeUndefined();
    expect(lifeFault({ ...life, isRevoked: true }, endAt(1))).toBeUndefined();
  });

  it("finds an end before its time (T1), and one of a lease that was held (R18)", () => {
    expect(lifeFault(life, endAt(999))).toContain("T1");
    expect(lifeFault(life, endAt(1_099))).toContain("R18");
  });
});
