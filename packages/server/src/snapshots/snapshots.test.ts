import {
  decodeConfigurationRecord,
  encodeConfigurationRecord,
  encodePut,
  encodeSnapshotMeta,
  encodeSnapshotRecords,
  Slab,
} from "@d-engine/codec";
import {
  isEngineError,
  type LogIndex,
  type Member,
  type MembershipConfiguration,
  nodeId,
  type SnapshotRecord,
  type Term,
} from "@d-engine/core";
import { KvStateMachine } from "@d-engine/kv";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { encodeSystemCommand } from "../system/system-command.js";
import { SystemStateMachine } from "../system/system-state-machine.js";
import { inspectSnapshot } from "./inspect-snapshot.js";
import { readSnapshot } from "./read-snapshot.js";
import { restoreBackup } from "./restore-backup.js";

const members: readonly Member[] = [1, 2].map((id) => ({
  id: nodeId(id),
  address: `host:${id}`,
  status: "active",
}));
const configuration: MembershipConfiguration = {
  logId: { term: 1 as Term, index: 2 as LogIndex },
  members,
  outgoingVoters: undefined,
};
const meta = {
  createdAtMs: 7,
  authorId: nodeId(2),
  lastIncluded: { term: 3 as Term, index: 41 as LogIndex },
};
const text = (value: string) => new TextEncoder().encode(value);

/** A file as a node writes it: configuration, instances, and a store of 40 keys. */
function snapshotFile(): Uint8Array {
  const store = new KvStateMachine();
  const machine = new SystemStateMachine(store);
  const slab = new Slab();
  const apply = (command: Uint8Array) =>
    machine.apply((machine.lastApplied + 1) as LogIndex, command);
  apply(
    encodeSystemCommand({
      kind: "registerInstance",
      nodeId: nodeId(1),
      instanceId: "ab".repeat(16),
    }),
  );
  for (let i = 0; i < 40; i++) apply(encodePut(slab, text(`k${i}`), text("value")));
  const snapshot = machine.snapshot!();
  const records: SnapshotRecord[] = [
    { key: Uint8Array.of(1), value: encodeConfigurationRecord(configuration) },
  ];
  for (let next = snapshot.next(500); next.length > 0; next = snapshot.next(500)) {
    records.push(...next);
  }
  return joined([encodeSnapshotMeta(meta), encodeSnapshotRecords(records)]);
}

const file = snapshotFile();

function joined(parts: readonly Uint8Array[]): Uint8Array {
  return Uint8Array.from(parts.flatMap((part) => [...part]));
}

function* cut(bytes: Uint8Array, pieceBytes: number): Generator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += pieceBytes) yield bytes.slice(at, at + pieceBytes);
}

async function collected(pieces: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  for await (const piece of pieces) parts.push(piece);
  return joined(parts);
}

async function refusalOf(call: Promise<unknown>): Promise<string | undefined> {
  try {
    await call;
  } catch (error) {
    if (isEngineError(error)) return error.code;
    throw error;
  }
  return undefined;
}

describe("inspectSnapshot", () => {
  it.each([1, 7, 1_000_000])("sums up what a file in pieces of %i bytes holds", async (size) => {
    const found = await inspectSnapshot(cut(file, size));
    expect(found).toMatchObject({
      format: 1,
      meta,
      bytes: file.length,
      records: 84,
      configuration,
    });
    expect(found.namespaces.map(({ namespace, records }) => [namespace, records])).toEqual([
      [0x01, 1],
      [0x02, 1],
      [0x20, 1],
      [0x21, 40],
      [0x22, 40],
      [0x3f, 1],
    ]);
    expect([...found.instances]).toEqual([[1, "ab".repeat(16)]]);
    expect(found.store).toEqual({
      revision: 40,
      oldestRevision: 0,
      keys: 40,
      bytes: 10 * 2 + 30 * 3 + 40 * 5,
      events: 40,
      leases: 0,
      sessions: 0,
      users: 0,
      roles: 0,
    });
  });

  it("counts the records of another state machine without reading them", async () => {
    const own = encodeSnapshotRecords([{ key: Uint8Array.of(0x20, 9), value: text("mine") }]);
    const bytes = joined([encodeSnapshotMeta(meta), own]);
    const found = await inspectSnapshot([bytes], { stateMachine: "custom" });
    expect(found).toMatchObject({ records: 1, store: undefined, configuration: undefined });
    expect(found.namespaces).toEqual([{ namespace: 0x20, records: 1, bytes: 6 }]);
    expect(await refusalOf(inspectSnapshot([bytes]))).toBe("DATA_CORRUPTION");
  });

  it("refuses a file that was cut anywhere, also between two records", async () => {
    for (let length = 0; length < file.length; length += 3) {
      const refusal = await refusalOf(inspectSnapshot([file.slice(0, length)]));
      expect(refusal, `${length} bytes`).toBe("DATA_CORRUPTION");
    }
  });

  it("refuses two configurations", async () => {
    const record = { key: Uint8Array.of(1), value: encodeConfigurationRecord(configuration) };
    const bytes = joined([encodeSnapshotMeta(meta), encodeSnapshotRecords([record, record])]);
    expect(await refusalOf(inspectSnapshot([bytes]))).toBe("DATA_CORRUPTION");
  });
});

describe("restoreBackup (rule R19)", () => {
  const newMembers = [5, 4].map((id) => ({
    id: nodeId(id),
    address: `new:${id}`,
    status: "active" as const,
  }));

  it("keeps the data and its position, and begins with the members given", async () => {
    const restored = await collected(restoreBackup(cut(file, 50), { members: newMembers }));
    const found = await inspectSnapshot([restored]);
    expect(found.meta).toEqual(meta);
    // What watchers and readers knew of the old cluster is compacted (R19).
    expect(found.store).toMatchObject({
      revision: 1_000_000_040,
      oldestRevision: 1_000_000_040,
      keys: 40,
      bytes: 310,
      events: 0,
    });
    expect(found.instances.size).toBe(0);
    expect(found.configuration).toEqual({
      logId: { term: 0, index: 0 },
      members: [...newMembers].reverse(),
      outgoingVoters: undefined,
    });
    const machine = new SystemStateMachine(new KvStateMachine());
    const restoration = machine.restore!();
    for await (const { records } of readSnapshot(cut(restored, 64))) {
      for (const record of records) if (record.key[0] !== 1) restoration.add(record);
    }
    restoration.finish(meta.lastIncluded.index);
    expect((machine.inner as KvStateMachine).get(text("k7"))).toEqual(text("value"));
  });

  it("makes the same bytes for every member", async () => {
    const one = await collected(restoreBackup(cut(file, 50), { members: newMembers }));
    const reversed = { members: [...newMembers].reverse() };
    expect(await collected(restoreBackup([file], reversed))).toEqual(one);
  });

  it("leaves the records of another state machine to its transform", async () => {
    const own = { key: Uint8Array.of(0x50), value: text("mine") };
    const bytes = joined([encodeSnapshotMeta(meta), encodeSnapshotRecords([own])]);
    let ended = false;
    const stateMachine = {
      next: (record: SnapshotRecord) => ({ ...record, value: text("new") }),
      end: () => {
        ended = true;
      },
    };
    const restored = await collected(restoreBackup([bytes], { members, stateMachine }));
    expect(ended).toBe(true);
    const records: SnapshotRecord[] = [];
    for await (const part of readSnapshot([restored])) records.push(...part.records);
    expect(decodeConfigurationRecord(records[0]!.value).members).toEqual(members);
    expect(records[1]).toEqual({ key: own.key, value: text("new") });
  });

  it.each([
    { name: "no members", bad: [] },
    { name: "no voter", bad: [{ ...members[0]!, status: "readOnly" as const }] },
    { name: "a member twice", bad: [members[0]!, members[0]!] },
  ])("refuses $name", async ({ bad }) => {
    const refusal = await refusalOf(collected(restoreBackup([file], { members: bad })));
    expect(refusal).toBe("INVALID_REQUEST");
  });

  it("refuses a namespace of a newer version, and a backup that was cut short", async () => {
    const unknown = encodeSnapshotRecords([{ key: Uint8Array.of(3), value: text("") }]);
    const bytes = joined([encodeSnapshotMeta(meta), unknown]);
    expect(await refusalOf(collected(restoreBackup([bytes], { members })))).toBe(
      "VERSION_MISMATCH",
    );
    const short = file.slice(0, encodeSnapshotMeta(meta).length);
    expect(await refusalOf(collected(restoreBackup([short], { members })))).toBe("DATA_CORRUPTION");
  });
});

describe("damaged snapshots", () => {
  it("are summed up, restored or refused, and nothing else", async () => {
    const damages = fc.array(fc.tuple(fc.nat(file.length - 1), fc.nat(255)), { maxLength: 3 });
    const bytes = fc.oneof(
      fc.tuple(damages, fc.nat(file.length)).map(([changes, length]) => {
        const copy = file.slice(0, length % 2 === 0 ? file.length : length);
        for (const [at, byte] of changes) if (at < copy.length) copy[at] = byte;
        return copy;
      }),
      fc.uint8Array({ maxLength: 50 }),
    );
    const known = [undefined, "DATA_CORRUPTION", "VERSION_MISMATCH"];
    await fc.assert(
      fc.asyncProperty(bytes, fc.integer({ min: 1, max: 400 }), async (damaged, size) => {
        expect(known).toContain(await refusalOf(inspectSnapshot(cut(damaged, size))));
        const restoring = collected(restoreBackup(cut(damaged, size), { members }));
        expect(known).toContain(await refusalOf(restoring));
      }),
      { numRuns: 400 },
    );
  });
});
