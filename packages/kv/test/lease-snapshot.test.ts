import { CodecError } from "@d-engine/codec";
import { isEngineError, type SnapshotRecord } from "@d-engine/core";
import { create, fromBinary, kv, toBinary } from "@d-engine/proto";
import { describe, expect, it } from "vitest";
import { LEASE_KEYS_MAX } from "../src/leases/bounds.js";
import { LeaseRestoration } from "../src/leases/lease-restoration.js";
import { leaseSnapshotRecords } from "../src/leases/lease-snapshot.js";
import { LeaseSnapshotReader } from "../src/leases/lease-snapshot-reader.js";
import type { WriteOutcome } from "../src/write-outcome.js";
import { LeaseStoreTwin } from "./lease-store.js";

const own = 2 ** 52;

/** A store with some of everything. */
function filledStore(): LeaseStoreTwin {
  const store = new LeaseStoreTwin().at(5_000_000_000);
  store.grant(1_000, { id: 7 });
  store.grant(30_000, { id: 2 ** 40, session: true });
  store.grant(30_000, { id: 2 ** 40 + 1, session: true });
  for (const key of ["z", "\xff", "a"]) store.put(key, 7);
  store.put("plain");
  store.putWithTtl("gone", 10);
  store.removeKeys(["gone"]);
  store.putWithTtl("own", 500);
  store.at(5_000_000_100).keepAlive(7);
  write(store, 3, { succeeded: true, revision: 9, existed: true });
  write(store, 4, { succeeded: false, revision: 9, existed: false });
  const detail = { kind: "lease", id: 7, ttlMs: 1_000 } as const;
  write(store, 2 ** 33, { succeeded: true, revision: 9, existed: true, detail });
  const refusal = { code: "LEASE_NOT_FOUND", message: "no lease ü" } as const;
  write(store, 6, { succeeded: false, revision: 9, existed: false, refusal });
  return store;
}

function write(store: LeaseStoreTwin, sequence: number, outcome: WriteOutcome): void {
  const mark = { id: 2 ** 40, sequence, acknowledged: 2 };
  expect(store.sessions.admit(mark).kind).toBe("execute");
  store.sessions.record(mark, outcome);
}

const recordsOf = (store: LeaseStoreTwin): SnapshotRecord[] => [
  ...leaseSnapshotRecords(store.leases.view(), store.sessions.view()),
];

function restored(records: Iterable<SnapshotRecord>, bound: ReadonlyMap<string, number>) {
  const reader = new LeaseSnapshotReader();
  const restoration = new LeaseRestoration();
  for (const [key, lease] of bound) if (lease !== 0) restoration.bind(lease, key);
  for (const record of records) restoration.add(reader.read(record));
  reader.checkComplete();
  const { leases, sessions } = restoration.finish();
  return new LeaseStoreTwin(leases, sessions);
}

/** Each record is overwritten as soon as the next one is asked for. */
function* wipedOneByOne(records: readonly SnapshotRecord[]): Generator<SnapshotRecord> {
  for (const record of records) {
    yield record;
    record.key.fill(0xee);
    record.value.fill(0xee);
  }
}

const text = ({ key, value }: SnapshotRecord): string => `${key.join()}=${value.join()}`;

describe("leases and sessions in a snapshot (rule R16, scenario 64)", () => {
  it("come back as they were, and go on as they would have", () => {
    const store = filledStore();
    const records = recordsOf(store);
    const copy = restored(records, store.bound);
    for (const [key, lease] of store.bound) copy.bound.set(key, lease);
    copy.revision = store.revision;
    expect(recordsOf(copy).map(text)).toEqual(records.map(text));
    for (const twin of [store, copy]) {
      const { leases, sessions } = twin;
      expect([leases.size, leases.grantedCount, leases.nowMs]).toEqual([4, 3, 5_000_000_100]);
      expect([leases.keysOf(7), leases.keysOf(own + 1)]).toEqual([["a", "z", "\xff"], ["own"]]);
      expect(sessions.get(2 ** 40)).toMatchObject({ acknowledged: 2, outcomes: 4 });
      expect(leases.nextDeadlineMs).toBe(5_000_000_500);
    }
    expect(copy.sessions.bytes).toBe(store.sessions.bytes);
    for (const sequence of [3, 4, 6, 2 ** 33]) {
      const mark = { id: 2 ** 40, sequence, acknowledged: 0 };
      expect(copy.sessions.admit(mark)).toEqual(store.sessions.admit(mark));
    }
    for (const twin of [store, copy]) twin.at(6_000_000_000).expireDue();
    expect(copy.removals).toEqual(store.removals.slice(-1));
    expect(copy.putWithTtl("next", 5)).toBe(store.putWithTtl("next", 5));
    expect(recordsOf(copy).map(text)).toEqual(recordsOf(store).map(text));
  });

  it("are no records at all in a store that never had any", () => {
    expect(recordsOf(new LeaseStoreTwin())).toEqual([]);
    const { leases, sessions } = restored([], new Map());
    expect([leases.size, sessions.size, leases.nowMs]).toEqual([0, 0, 0]);
  });

  it("are the messages of the proto files, under keys in byte order", () => {
    const records = recordsOf(filledStore());
    expect(records.map(({ key }) => key[0])).toEqual([
      0x30,
      ...Array(4).fill(0x31),
      ...Array(6).fill(0x32),
    ]);
    const hex = records.map(({ key }) => Buffer.from(key).toString("hex"));
    expect([...hex].sort()).toEqual(hex);
    const schemas = [
      kv.LeaseStateSchema,
      ...Array(4).fill(kv.LeaseRecordSchema),
      kv.SessionRecordSchema,
      ...Array(4).fill(kv.SessionOutcomeSchema),
      kv.SessionRecordSchema,
    ];
    records.forEach(({ value }, i) => {
      const message = fromBinary(schemas[i]!, value);
      expect(message.$unknown ?? []).toEqual([]);
      expect(toBinary(schemas[i]!, message)).toEqual(new Uint8Array(value));
    });
    const session = fromBinary(kv.SessionOutcomeSchema, records[8]!.value);
    expect(session).toMatchObject({ refusalCode: "LEASE_NOT_FOUND", refusalMessage: "no lease ü" });
  });

  it("hold on to nothing of the file that they were read from", () => {
    const store = filledStore();
    const copy = restored(wipedOneByOne(recordsOf(store)), store.bound);
    const expected = store.sessions.admit({ id: 2 ** 40, sequence: 2 ** 33, acknowledged: 0 });
    const actual = copy.sessions.admit({ id: 2 ** 40, sequence: 2 ** 33, acknowledged: 0 });
    expect(actual).toEqual(expected);
  });
});

const state = (nowMs: number, ownLeases = 0) => ({
  key: Uint8Array.of(0x30),
  value: toBinary(
    kv.LeaseStateSchema,
    create(kv.LeaseStateSchema, { nowMs: BigInt(nowMs), ownLeases: BigInt(ownLeases) }),
  ),
});

const lease = (id: number, fields: { ttlMs?: number; until?: number; session?: boolean } = {}) => {
  const { ttlMs = 5, until = 5, session = false } = fields;
  const stored = { ttlMs: BigInt(ttlMs), deadlineMs: BigInt(until), session };
  return {
    key: key(0x31, id),
    value: toBinary(kv.LeaseRecordSchema, create(kv.LeaseRecordSchema, stored)),
  };
};

const session = (id: number, acknowledged = 0) => ({
  key: key(0x32, id),
  value: toBinary(
    kv.SessionRecordSchema,
    create(kv.SessionRecordSchema, { acknowledged: BigInt(acknowledged) }),
  ),
});

const result = (id: number, sequence: number, fields: object = {}) => ({
  key: key(0x32, id, sequence),
  value: toBinary(kv.SessionOutcomeSchema, create(kv.SessionOutcomeSchema, fields)),
});

function key(namespace: number, ...numbers: readonly number[]): Uint8Array {
  const buffer = Buffer.alloc(1 + 8 * numbers.length, namespace);
  numbers.forEach((number, i) => {
    buffer.writeBigUInt64BE(BigInt(number), 1 + 8 * i);
  });
  return new Uint8Array(buffer);
}

describe("LeaseSnapshotReader", () => {
  const asSession = { session: true };
  it("takes what a store can have written", () => {
    const records = [state(10, 1), lease(1, asSession), lease(own), session(1, 3), result(1, 4)];
    const { leases, sessions } = restored(records, new Map([["k", own]]));
    expect([leases.size, sessions.size]).toEqual([2, 1]);
  });

  it.each([
    { name: "leases out of order", records: [lease(2), lease(1)], says: "out of order" },
    { name: "a lease twice", records: [lease(1), lease(1)], says: "twice" },
    { name: "a state behind a lease", records: [lease(1), state(9)], says: "out of order" },
    { name: "no time to live", records: [lease(1, { ttlMs: 0 })], says: "lease 1 of 0 ms" },
    { name: "a lease of the future", records: [state(9), lease(1, { until: 15 })], says: "until" },
    { name: "a deadline before its grant", records: [lease(1, { ttlMs: 6 })], says: "lease 1" },
    { name: "lease 0", records: [lease(0)], says: "lease 0" },
    { name: "an own lease too many", records: [state(1, 1), lease(own + 1)], says: "own" },
    {
      name: "an own lease as a session",
      records: [state(1, 1), lease(own, asSession)],
      says: "lease 45",
    },
    { name: "an own lease without key", records: [state(1, 1), lease(own)], says: "has 0 keys" },
    { name: "a session without lease", records: [lease(1), session(1)], says: "without its lease" },
    { name: "no session", records: [lease(1, asSession)], says: "lacks the session of lease 1" },
    {
      name: "a result that was acknowledged",
      records: [lease(1, asSession), session(1, 3), result(1, 3)],
      says: "result 3 of session 1",
    },
    {
      name: "a result of another session",
      records: [lease(1, asSession), session(1), result(2, 3)],
      says: "result 3 of session 2",
    },
    { name: "a key of another form", records: [{ ...lease(1), key: key(0x31, 1, 2) }], says: "17" },
    {
      name: "half a number",
      records: [{ ...lease(1), key: Uint8Array.of(0x31, 0) }],
      says: "form",
    },
    {
      name: "a number past 2^53",
      records: [{ ...lease(1), key: Uint8Array.from([0x31, 255, 0, 0, 0, 0, 0, 0, 0]) }],
      says: "form",
    },
  ])("refuses $name as damage", ({ records, says }) => {
    const error = thrownBy(() => restored(records, new Map()));
    expect(isEngineError(error, "DATA_CORRUPTION")).toBe(true);
    expect(error).toMatchObject({ message: expect.stringContaining(says) });
  });

  it.each([
    { name: "a key whose lease is missing", count: 1, says: "1 keys whose lease is missing" },
    { name: "too many keys", count: LEASE_KEYS_MAX + 1, named: 1, says: "1001 keys" },
    { name: "an own lease of two keys", count: 2, named: own, says: "2 keys" },
  ])("refuses $name as damage", ({ count, named = 9, says }) => {
    const bound = new Map(Array.from({ length: count }, (_, i) => [`k${i}`, named]));
    const own1 = named === own ? [lease(own)] : [];
    const error = thrownBy(() => restored([state(9, 1), lease(1), ...own1], bound));
    expect(isEngineError(error, "DATA_CORRUPTION")).toBe(true);
    expect(error).toMatchObject({ message: expect.stringContaining(says) });
  });

  it.each([
    { name: "the state", record: state(1) },
    { name: "a lease", record: lease(1) },
    { name: "a session", record: session(1) },
    { name: "a result", record: result(1, 1, { revision: 1n }) },
  ])("refuses a field of $name that only a newer version knows, and a cut one", ({ record }) => {
    const before = record.key[0] === 0x32 ? [lease(1, asSession)] : [];
    if (record.key.length === 17) before.push(session(1));
    const read = (value: Uint8Array) =>
      thrownBy(() => restored([...before, { key: record.key, value }], new Map()));
    const newer = Uint8Array.of(...record.value, 0x78, 1);
    expect(isEngineError(read(newer), "VERSION_MISMATCH")).toBe(true);
    expect(read(Uint8Array.of(0x08))).toBeInstanceOf(CodecError);
  });

  it("refuses a result that this version cannot answer with", () => {
    const head = [lease(1, asSession), session(1)];
    const withCode = result(1, 1, { refusalCode: "TOO_NEW" });
    const unknownCode = thrownBy(() => restored([...head, withCode], new Map()));
    expect(isEngineError(unknownCode, "VERSION_MISMATCH")).toBe(true);
    const withDetail = result(1, 1, { detail: Uint8Array.of(0x7a, 0) });
    const unknownDetail = thrownBy(() => restored([...head, withDetail], new Map()));
    expect(unknownDetail).toBeInstanceOf(CodecError);
  });
});

function thrownBy(run: () => unknown): unknown {
  try {
    run();
  } catch (error) {
    return error;
  }
  return undefined;
}
