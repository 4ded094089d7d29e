import {
  appendStamp,
  CodecError,
  encodeKvWrite,
  encodeSnapshotMeta,
  encodeSnapshotRecords,
  Slab,
  SnapshotDecoder,
} from "@d-engine/codec";
import {
  InvariantViolation,
  isEngineError,
  LOG_ORIGIN,
  type LogIndex,
  type NodeId,
  type SnapshotRecord,
} from "@d-engine/core";
import { create, fromBinary, kv, toBinary } from "@d-engine/proto";
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { KV_NAMESPACE, KvBackupTransform, KvStateMachine } from "../src/index.js";
import { applyNext, bytes, del, machineWith, put, text } from "./commands.js";
import { operations, perform, recordsOf } from "./operations.js";

/** The records of a machine's snapshot, copied. */
function recordsIn(machine: KvStateMachine, bytesMax = 1000): SnapshotRecord[] {
  const snapshot = machine.snapshot();
  const records: SnapshotRecord[] = [];
  for (let next = snapshot.next(bytesMax); next.length > 0; next = snapshot.next(bytesMax)) {
    records.push(...next);
  }
  snapshot.release();
  return records;
}

function restoredFrom(records: readonly SnapshotRecord[], lastApplied = 9): KvStateMachine {
  const machine = new KvStateMachine();
  const restoration = machine.restore();
  for (const record of records) restoration.add(record);
  restoration.finish(lastApplied as LogIndex);
  return machine;
}

function thrownBy(call: () => unknown): unknown {
  try {
    call();
  } catch (error) {
    return error;
  }
  return undefined;
}

/** Without history, as versions wrote it that knew none. */
function stateRecord(revision: number): SnapshotRecord {
  const message = create(kv.StoreStateSchema, { revision: BigInt(revision) });
  return { key: Uint8Array.of(0x20), value: toBinary(kv.StoreStateSchema, message) };
}

function endRecord(keys: number): SnapshotRecord {
  const message = create(kv.StoreEndSchema, { keys: BigInt(keys) });
  return { key: Uint8Array.of(0x3f), value: toBinary(kv.StoreEndSchema, message) };
}

function keyRecord(key: string, fields: Partial<Record<string, number>> = {}): SnapshotRecord {
  const { createRevision = 1, modRevision = 1, version = 1, lease = 0 } = fields;
  const message = create(kv.StoreRecordSchema, {
    createRevision: BigInt(createRevision),
    modRevision: BigInt(modRevision),
    version: BigInt(version),
    lease: BigInt(lease),
    value: new Uint8Array(bytes("v")),
  });
  return {
    key: Uint8Array.of(0x21, ...bytes(key)),
    value: toBinary(kv.StoreRecordSchema, message),
  };
}

/** Of a store that has always known its history, at revision 3. */
const historyState: SnapshotRecord = {
  key: Uint8Array.of(0x20),
  value: toBinary(
    kv.StoreStateSchema,
    create(kv.StoreStateSchema, { revision: 3n, oldestEventRevision: 1n }),
  ),
};

/** The write of the key "a" in a revision, as its so-many-th event. */
function event(revision: number, place = 0): SnapshotRecord {
  const kept = revision === 3;
  const record = {
    createRevision: 1n,
    modRevision: BigInt(revision),
    version: BigInt(revision),
    value: new Uint8Array(bytes("v")),
  };
  const fields = { key: new Uint8Array(bytes("a")), kept, ...(!kept && { record }) };
  return {
    key: Uint8Array.of(0x22, 0, 0, 0, 0, 0, 0, 0, revision, 0, 0, 0, place),
    value: toBinary(kv.StoreEventSchema, create(kv.StoreEventSchema, fields)),
  };
}

const leased = [stateRecord(5), keyRecord("a", { lease: 7 })];
const sound = [stateRecord(5), keyRecord("a"), keyRecord("b"), endRecord(2)];

describe("the snapshot of a store", () => {
  it("holds what the generated code reads and writes", () => {
    const machine = machineWith(put("a", "1"), put("b", ""), put("a", "x".repeat(300)), del("b"));
    applyNext(machine, put("\xff\0", "2"));
    const records = recordsIn(machine);
    expect(records.map(({ key }) => key)).toEqual([
      Uint8Array.of(KV_NAMESPACE.state),
      Uint8Array.of(KV_NAMESPACE.record, 0x61),
      Uint8Array.of(KV_NAMESPACE.record, 0xff, 0),
      ...[1, 2, 3, 4, 5].map((revision) =>
        Uint8Array.of(KV_NAMESPACE.event, 0, 0, 0, 0, 0, 0, 0, revision, 0, 0, 0, 0),
      ),
      Uint8Array.of(KV_NAMESPACE.end),
    ]);
    const state = fromBinary(kv.StoreStateSchema, records[0]!.value);
    expect(state).toMatchObject({ revision: 5n, oldestRevision: 0n, oldestEventRevision: 1n });
    const a = fromBinary(kv.StoreRecordSchema, records[1]!.value);
    expect(a).toMatchObject({ createRevision: 1n, modRevision: 3n, version: 2n, lease: 0n });
    expect(text(a.value)).toBe("x".repeat(300));
    expect(toBinary(kv.StoreRecordSchema, a)).toEqual(records[1]!.value);
    const events = records.slice(3, 8).map(({ value }) => fromBinary(kv.StoreEventSchema, value));
    expect(events.map(({ kept }) => kept)).toEqual([false, false, true, false, true]);
    expect(events.map(({ record }) => record && text(record.value))).toEqual([
      ...["1", ""],
      ...[undefined, undefined, undefined],
    ]);
    // Each says what the one before it left.
    expect(events.map(({ previous }) => previous)).toEqual(Array(5).fill(undefined));
    expect(fromBinary(kv.StoreEndSchema, records[8]!.value).keys).toBe(2n);
  });

  it("is read as versions without a history wrote it: everything older is compacted", () => {
    const machine = restoredFrom(sound);
    expect([machine.revision, machine.oldestRevision, machine.oldestEventRevision]).toEqual([
      5, 5, 6,
    ]);
    applyNext(machine, put("a", "2"));
    const again = restoredFrom(recordsIn(machine));
    expect(again.stateHash()).toBe(machine.stateHash());
    expect(again.oldestEventRevision).toBe(6);
  });

  it("goes round with the same hash, keys, bytes and records (I12)", () => {
    fc.assert(
      fc.property(fc.array(operations, { maxLength: 300, size: "max" }), fc.nat(), (all, cut) => {
        const machine = new KvStateMachine();
        const half = cut % (all.length + 1);
        for (const operation of all.slice(0, half)) perform(machine, operation);
        const frozen = machine.view();
        const snapshot = machine.snapshot();
        const restored = new KvStateMachine();
        const restoration = restored.restore();
        // One more operation between any two pieces (R16).
        const rest = all.slice(half);
        for (let next = snapshot.next(100); next.length > 0; next = snapshot.next(100)) {
          const operation = rest.shift();
          if (operation !== undefined) perform(machine, operation);
          for (const record of next) restoration.add(record);
        }
        restoration.finish(snapshot.lastApplied);
        expect(restored.stateHash()).toBe(frozen.stateHash());
        expect(recordsOf(restored.view())).toEqual(recordsOf(frozen));
        expect([restored.keys, restored.lastApplied]).toEqual([frozen.keys, half]);
        const size = recordsOf(frozen).reduce((sum, r) => sum + r.key.length + r.value.length, 0);
        expect(restored.bytes).toBe(size);
      }),
      { numRuns: 60 },
    );
  });

  it("costs a piece, not the store: next takes what was asked for and little more", () => {
    const machine = new KvStateMachine();
    for (let i = 0; i < 5000; i++) applyNext(machine, put(`key-${i}`, "x".repeat(20)));
    const snapshot = machine.snapshot();
    let total = 0;
    for (let next = snapshot.next(10_000); next.length > 0; next = snapshot.next(10_000)) {
      expect(next.length).toBeLessThanOrEqual(10_000 / 64 + 1);
      total += next.length;
    }
    expect(total).toBe(10_002);
  });

  it("lets go of the view, and is not read any more after that", () => {
    const snapshot = machineWith(put("a", "1")).snapshot();
    snapshot.release();
    // No records would look like the end of the snapshot.
    expect(() => snapshot.next(1)).toThrow(InvariantViolation);
  });
});

describe("the restoration of a store", () => {
  it("holds on to a few kilobytes for small values, whatever they were cut from", () => {
    // As a file gives them; the slices of these are views.
    const piece = Buffer.alloc(1 << 20);
    const view = (part: Uint8Array) => {
      piece.set(part);
      return piece.subarray(0, part.length);
    };
    const machine = new KvStateMachine();
    const restoration = machine.restore();
    const source = machineWith(put("a", "v"), put("b", "x".repeat(3000)), put("c", "w"));
    for (const { key, value } of recordsIn(source)) restoration.add({ key, value: view(value) });
    restoration.finish(9 as LogIndex);
    expect(machine.stateHash()).toBe(source.stateHash());
    machine.view().walk((_, record) => {
      expect(record.memory.byteLength).toBeLessThanOrEqual(8192);
      return true;
    });
  });

  it("gives values of every size their own place", () => {
    const machine = new KvStateMachine();
    const sizes = [0, 1, 2047, 2048, 2049, 5000, 8191, 8192, 9000, 100, 8000, 300];
    sizes.forEach((size, i) => {
      applyNext(machine, put(`k${i}`, String.fromCharCode(65 + i).repeat(size)));
    });
    expect(restoredFrom(recordsIn(machine)).stateHash()).toBe(machine.stateHash());
  });

  it.each([
    {
      name: "an unknown namespace of stores",
      records: [{ key: Uint8Array.of(0x2f), value: bytes("") }],
    },
    { name: "the system's namespace", records: [{ key: Uint8Array.of(0x02), value: bytes("") }] },
    { name: "a field of the state", records: [{ ...stateRecord(5), value: Uint8Array.of(32, 1) }] },
    {
      name: "a field of a key",
      records: [stateRecord(5), { ...keyRecord("a"), value: Uint8Array.of(0x30, 1) }],
    },
  ])("refuses $name with VERSION_MISMATCH", ({ records }) => {
    const error = thrownBy(() => restoredFrom(records));
    expect(isEngineError(error, "VERSION_MISMATCH"), String(error)).toBe(true);
  });

  it.each([
    { name: "no records", records: [], says: "cut short" },
    { name: "no state", records: [keyRecord("a")], says: "does not begin with the state" },
    { name: "an end alone", records: [endRecord(0)], says: "does not begin with the state" },
    { name: "two states", records: [stateRecord(1), stateRecord(1)], says: "two states" },
    { name: "no end", records: sound.slice(0, 3), says: "cut short" },
    { name: "another count", records: [stateRecord(5), endRecord(1)], says: "says that it has 1" },
    { name: "a key behind the end", records: [...sound, keyRecord("c")], says: "behind its end" },
    { name: "a key twice", records: [sound[0]!, sound[1]!, sound[1]!], says: "its 2. key" },
    { name: "disorder", records: [sound[0]!, sound[2]!, sound[1]!], says: "out of order" },
    { name: "an empty key", records: [sound[0]!, keyRecord("")], says: "empty key" },
    { name: "no namespace", records: [{ ...sound[0]!, key: bytes("") }], says: "empty key" },
    { name: "a longer key", records: [{ ...sound[0]!, key: bytes("  ") }], says: "goes on behind" },
    {
      name: "broken bytes",
      records: [sound[0]!, { ...keyRecord("a"), value: Uint8Array.of(0x2a, 9) }],
      says: "StoreRecord.value at byte 2",
    },
    ...[
      { createRevision: 0 },
      { version: 0 },
      { version: 2 },
      { createRevision: 2 },
      { modRevision: 2 },
      { modRevision: 6, version: 2 },
    ].map((fields) => ({
      name: `impossible revisions ${JSON.stringify(fields)}`,
      records: [stateRecord(5), keyRecord("a", fields)],
      says: "in a store of revision 5",
    })),
    {
      name: "a key without its lease",
      records: [...leased, endRecord(1)],
      says: "lease is missing",
    },
    ...[
      { name: "no event of a revision", events: [event(2), event(3)], says: "behind 0 of 0" },
      { name: "an event twice", events: [event(1), event(1)], says: "behind 0 of 1" },
      {
        name: "an event too many",
        events: [event(1), event(2), event(3), event(4)],
        says: "revision 4",
      },
      { name: "an event too few", events: [event(1), event(2)], says: "up to 2" },
      { name: "an event of another value", events: [event(1), event(1, 1)], says: "follow" },
      { name: "a place left out", events: [event(1), event(1, 2)], says: "event 2 of revision 1" },
    ].map(({ name, events, says }) => ({
      name,
      records: [
        historyState,
        keyRecord("a", { modRevision: 3, version: 3 }),
        ...events,
        endRecord(1),
      ],
      says,
    })),
  ])("refuses $name with DATA_CORRUPTION", ({ records, says }) => {
    const error = thrownBy(() => restoredFrom(records));
    expect(isEngineError(error, "DATA_CORRUPTION"), String(error)).toBe(true);
    expect(String(error)).toContain(says);
  });

  it("leaves the state as it was when the end is refused", () => {
    const machine = machineWith(put("a", "1"));
    const before = machine.stateHash();
    const restoration = machine.restore();
    for (const record of sound.slice(0, 3)) restoration.add(record);
    expect(() => restoration.finish(9 as LogIndex)).toThrow("cut short");
    expect([machine.stateHash(), machine.lastApplied]).toEqual([before, 1]);
  });

  it("is over when it is finished: its records are the state in use", () => {
    const machine = new KvStateMachine();
    const restoration = machine.restore();
    for (const record of sound) restoration.add(record);
    restoration.finish(9 as LogIndex);
    expect(() => restoration.add(keyRecord("z"))).toThrow(InvariantViolation);
    expect(() => restoration.finish(9 as LogIndex)).toThrow(InvariantViolation);
  });

  it("ends on every damaged file with a state or a refusal", () => {
    const machine = new KvStateMachine();
    for (let i = 0; i < 30; i++) applyNext(machine, put(`k${i % 20}`, `value ${i}`));
    const head = encodeSnapshotMeta({
      createdAtMs: 1,
      authorId: 1 as NodeId,
      lastIncluded: LOG_ORIGIN,
    });
    const body = encodeSnapshotRecords(recordsIn(machine));
    const file = Uint8Array.of(...head, ...body);
    const damages = fc.array(fc.tuple(fc.nat(file.length - 1), fc.nat(255)), { maxLength: 3 });
    fc.assert(
      fc.property(damages, fc.nat(file.length), (changes, length) => {
        const copy = file.slice(0, length % 3 === 0 ? length : file.length);
        for (const [at, byte] of changes) if (at < copy.length) copy[at] = byte;
        const error = thrownBy(() => {
          const decoder = new SnapshotDecoder();
          const records = decoder.push(copy);
          decoder.end();
          restoredFrom(records).stateHash();
        });
        if (error !== undefined && !(error instanceof CodecError) && !isEngineError(error))
          throw error;
      }),
      { numRuns: 3000 },
    );
  });
});

describe("KvBackupTransform", () => {
  function transformed(records: readonly SnapshotRecord[]): SnapshotRecord[] {
    const transform = new KvBackupTransform();
    const result = records.flatMap((record) => transform.next(record) ?? []);
    transform.end();
    return result;
  }

  it("raises the revision by 10^9, and keeps keys and values (rule R19)", () => {
    const machine = machineWith(put("a", "1"), put("b", "2"), put("a", "3"));
    const restored = restoredFrom(transformed(recordsIn(machine)));
    expect(restored.revision).toBe(1_000_000_003);
    expect(recordsOf(restored.view())).toEqual(recordsOf(machine.view()));
    // A token made from now on is one that the old cluster never gave out.
    expect(applyNext(restored, put("lock", "me")).revision).toBe(1_000_000_004);
  });

  it("leaves out keys that end with a lease, so that no lock returns (rule R19)", () => {
    const leased = keyRecord("b", { lease: 7 });
    const records = [stateRecord(5), keyRecord("a"), leased, keyRecord("c"), endRecord(3)];
    const restored = restoredFrom(transformed(records));
    expect(recordsOf(restored.view()).map(({ key }) => key)).toEqual(["a", "c"]);
  });

  it("compacts everything older: no event, lease or session passes (rule R19)", () => {
    const slab = new Slab();
    const machine = machineWith(put("a", "1"), put("a", "2"), put("b", "1"));
    const grant = { kind: "leaseGrant", id: 7, ttlMs: 1000, session: true } as const;
    applyNext(machine, appendStamp(slab, encodeKvWrite(slab, grant), 5));
    applyNext(machine, appendStamp(slab, put("c", "1", 1000), 6));
    const restored = restoredFrom(transformed(recordsIn(machine)));
    expect(recordsOf(restored.view()).map(({ key }) => key)).toEqual(["a", "b"]);
    const revision = 1_000_000_004;
    expect([restored.revision, restored.oldestRevision]).toEqual([revision, revision]);
    expect([restored.oldestEventRevision, restored.leaseCount]).toEqual([revision + 1, 0]);
    expect(() => restored.events(revision, undefined, () => true)).toThrow("is compacted");
    restored.events(revision + 1, undefined, () => expect.fail("an event of the old cluster"));
  });

  it("refuses a backup that was cut short, is no store, or cannot be raised", () => {
    expect(() => transformed(sound.slice(0, 3))).toThrow("cut short");
    expect(() => transformed(sound.slice(1))).toThrow("does not begin with the state");
    const error = thrownBy(() => transformed([stateRecord(Number.MAX_SAFE_INTEGER)]));
    expect(isEngineError(error, "DATA_CORRUPTION")).toBe(true);
  });
});
