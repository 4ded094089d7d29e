import { execFileSync, spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { isEngineError, type LogId, type NodeId, type SnapshotRecord } from "@d-engine/core";
import { common, create, fromBinary, toBinary } from "@d-engine/proto";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  CodecError,
  encodeSnapshotMeta,
  encodeSnapshotRecords,
  SnapshotDecoder,
  type SnapshotMeta,
} from "../src/index.js";
import * as arbitrary from "./arbitraries.js";
import { damaged, wildBytes } from "./wild-bytes.js";

interface Snapshot {
  readonly meta: SnapshotMeta;
  readonly records: readonly SnapshotRecord[];
}

const logId = fc.record({ term: arbitrary.uint64, index: arbitrary.uint64 }) as fc.Arbitrary<LogId>;
const key = fc.oneof(
  fc.uint8Array({ minLength: 1, maxLength: 8 }),
  fc.uint8Array({ minLength: 126, maxLength: 130 }),
);
const snapshots: fc.Arbitrary<Snapshot> = fc.record({
  meta: fc.record({
    createdAtMs: arbitrary.uint64,
    authorId: arbitrary.nodeId,
    lastIncluded: logId,
  }),
  records: fc.array(fc.record({ key, value: arbitrary.bytes }), { maxLength: 12 }),
});

function encoded({ meta, records }: Snapshot): Uint8Array {
  return joined([encodeSnapshotMeta(meta), encodeSnapshotRecords(records)]);
}

function generated({ meta, records }: Snapshot): Uint8Array {
  const { authorId, createdAtMs, lastIncluded } = meta;
  const message = create(common.SnapshotSchema, {
    meta: {
      versionLow: 1n,
      createdAtLow: BigInt(createdAtMs),
      authorId,
      lastIncluded: { term: BigInt(lastIncluded.term), index: BigInt(lastIncluded.index) },
    },
    data: records.map(({ key, value }) => ({
      key: new Uint8Array(key),
      value: new Uint8Array(value),
    })),
  });
  return toBinary(common.SnapshotSchema, message);
}

function joined(parts: readonly Uint8Array[]): Uint8Array {
  return Uint8Array.from(parts.flatMap((part) => [...part]));
}

/** Cuts `bytes` at `cuts`, which may lie anywhere and be equal. */
function pieces(bytes: Uint8Array, cuts: readonly number[]): Uint8Array[] {
  const ends = cuts.map((cut) => cut % (bytes.length + 1)).sort((a, b) => a - b);
  return [...ends, bytes.length].map((end, i) => bytes.slice(i === 0 ? 0 : ends[i - 1], end));
}

function decoded(parts: readonly Uint8Array[], decoder = new SnapshotDecoder()): Snapshot {
  const records: SnapshotRecord[] = [];
  for (const part of parts) {
    for (const { key, value } of decoder.push(part)) {
      records.push({ key: key.slice(), value: value.slice() });
    }
    // The caller's memory again.
    part.fill(0xee);
  }
  return { meta: decoder.end(), records };
}

function thrownBy(call: () => unknown): unknown {
  try {
    call();
  } catch (error) {
    return error;
  }
  return undefined;
}

const meta: SnapshotMeta = {
  createdAtMs: 1_700_000_000_000,
  authorId: 3 as NodeId,
  lastIncluded: { term: 2, index: 300 } as LogId,
};
const sample: Snapshot = {
  meta,
  records: [
    { key: Uint8Array.of(0x20), value: Uint8Array.of(8, 7) },
    { key: Uint8Array.of(0x21, 0x61), value: new Uint8Array(200).fill(0x62) },
  ],
};

describe("a snapshot file", () => {
  it("has the bytes of the generated code, which reads them back", () => {
    fc.assert(
      fc.property(snapshots, (snapshot) => {
        const bytes = encoded(snapshot);
        expect(bytes).toEqual(generated(snapshot));
        const message = fromBinary(common.SnapshotSchema, bytes);
        expect(message.data.map(({ key, value }) => ({ key, value }))).toEqual(snapshot.records);
      }),
    );
  });

  it("is read from pieces that are cut anywhere", () => {
    fc.assert(
      fc.property(snapshots, fc.array(fc.nat(), { maxLength: 30 }), (snapshot, cuts) => {
        expect(decoded(pieces(generated(snapshot), cuts))).toEqual(snapshot);
      }),
    );
  });

  it("is read byte by byte", () => {
    const bytes = encoded(sample);
    const all = Array.from(bytes, (_, i) => i);
    const decoder = new SnapshotDecoder();
    expect(decoded(pieces(bytes, all), decoder)).toEqual(sample);
    expect(decoder.bytes).toBe(bytes.length);
    expect(decoder.meta).toEqual(meta);
  });

  it("is read by protoc", (context) => {
    const hasProtoc = spawnSync("protoc", ["--version"]).status === 0;
    context.skip(!hasProtoc, "no protoc on this machine");
    const proto = fileURLToPath(new URL("../../proto/proto", import.meta.url));
    const args = [`--proto_path=${proto}`, "--decode=d_engine.common.Snapshot", "common.proto"];
    const text = execFileSync("protoc", args, { input: encoded(sample), encoding: "utf8" });
    expect(text).toContain("version_low: 1\n");
    expect(text).toContain("created_at_low: 1700000000000\n");
    expect(text).toContain('key: "!a"\n');
  });
});

describe("SnapshotDecoder", () => {
  it("refuses a file that is cut at any byte, unless between two records", () => {
    const bytes = encoded(sample);
    const whole = [encodeSnapshotMeta(meta).length];
    for (const record of sample.records) {
      whole.push(whole.at(-1)! + encodeSnapshotRecords([record]).length);
    }
    for (let length = 0; length <= bytes.length; length++) {
      const error = thrownBy(() => decoded([bytes.slice(0, length)]));
      expect(error instanceof CodecError, `${length} bytes`).toBe(!whole.includes(length));
      if (error instanceof CodecError) expect(error.offset).toBe(length);
    }
  });

  const head = encodeSnapshotMeta(meta);
  const record = encodeSnapshotRecords(sample.records.slice(0, 1));
  const metaWith = (...fields: number[]) => Uint8Array.of(0x0a, fields.length, ...fields);
  it.each([
    { name: "no meta", bytes: record, field: "Snapshot.meta", offset: 0 },
    { name: "nothing at all", bytes: new Uint8Array(0), field: "Snapshot.meta", offset: 0 },
    {
      name: "a second meta",
      bytes: joined([head, record, head]),
      field: "Snapshot.meta",
      offset: head.length + record.length,
    },
    {
      name: "a record without a key",
      bytes: joined([head, Uint8Array.of(0x12, 2, 0x12, 0)]),
      field: "SnapshotEntry.key",
      offset: head.length + 4,
    },
    {
      name: "an empty record",
      bytes: joined([head, Uint8Array.of(0x12, 0)]),
      field: "SnapshotEntry.key",
      offset: head.length + 2,
    },
    {
      name: "a record that runs over its frame",
      bytes: joined([head, Uint8Array.of(0x12, 3, 0x0a, 9, 0x20)]),
      field: "SnapshotEntry.key",
      offset: head.length + 4,
    },
    {
      name: "a meta under another wire type",
      bytes: Uint8Array.of(0x08, 1),
      field: "Snapshot field 1",
      offset: 0,
    },
    { name: "field 0", bytes: Uint8Array.of(0x02, 0), field: "Snapshot", offset: 0 },
    { name: "the end of a group", bytes: Uint8Array.of(0x1c), field: "Snapshot", offset: 0 },
    {
      name: "a length without an end",
      bytes: Uint8Array.of(0x0a, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x01),
      field: "Snapshot",
      offset: 8,
    },
    {
      name: "a meta beyond any",
      bytes: Uint8Array.of(0x0a, 0x81, 0x20),
      field: "Snapshot.meta",
      offset: 2,
    },
    {
      name: "no author",
      bytes: metaWith(0x10, 1, 0x32, 0),
      field: "SnapshotMeta.author_id",
      offset: 6,
    },
    {
      name: "no position",
      bytes: metaWith(0x10, 1, 0x28, 1),
      field: "SnapshotMeta.last_included",
      offset: 6,
    },
    {
      name: "a time beyond 64 bits",
      bytes: metaWith(0x10, 1, 0x18, 1, 0x28, 1, 0x32, 0),
      field: "SnapshotMeta.created_at_high",
      offset: 10,
    },
  ])("refuses $name, and says where", ({ bytes, field, offset }) => {
    const error = thrownBy(() => decoded([bytes.slice()]));
    expect(error).toBeInstanceOf(CodecError);
    expect(error).toMatchObject({ field, offset });
    const bytewise = pieces(
      bytes,
      Array.from(bytes, (_, i) => i),
    );
    expect(thrownBy(() => decoded(bytewise))).toEqual(error);
  });

  it.each([
    { name: "another format", bytes: metaWith(0x10, 2, 0x28, 1, 0x32, 0) },
    { name: "no format", bytes: metaWith(0x28, 1, 0x32, 0) },
    { name: "a feature", bytes: metaWith(0x08, 4, 0x10, 1, 0x28, 1, 0x32, 0) },
    { name: "a field of the meta", bytes: metaWith(0x10, 1, 0x28, 1, 0x32, 0, 0x38, 1) },
    { name: "a field of the position", bytes: metaWith(0x10, 1, 0x28, 1, 0x32, 2, 0x18, 1) },
    { name: "a field of a record", bytes: joined([head, Uint8Array.of(0x12, 2, 0x18, 1)]) },
    { name: "a field of the file", bytes: joined([head, Uint8Array.of(0x1a, 0)]) },
    { name: "a field with a long number", bytes: joined([head, Uint8Array.of(0x82, 0x01, 0)]) },
  ])("refuses $name of a newer version with VERSION_MISMATCH", ({ bytes }) => {
    const error = thrownBy(() => decoded([bytes]));
    expect(isEngineError(error, "VERSION_MISMATCH"), String(error)).toBe(true);
  });

  it("refuses a record beyond its bound before the record has come", () => {
    const decoder = new SnapshotDecoder({ recordBytesMax: 1000 });
    decoder.push(head);
    expect(() => decoder.push(Uint8Array.of(0x12, 0xe9, 0x07))).toThrow("at most 1000 are allowed");
    expect(() => decoder.push(record)).toThrow("at most 1000 are allowed");
    expect(() => decoder.end()).toThrow("at most 1000 are allowed");
  });

  it("does not believe a length before the bytes are there", () => {
    const decoder = new SnapshotDecoder();
    decoder.push(head);
    // 1 GiB announced, and a byte of it.
    decoder.push(Uint8Array.of(0x12, 0x80, 0x80, 0x80, 0x80, 0x04, 0x0a));
    expect(() => decoder.end()).toThrow(CodecError);
  });

  it("ends on every input with a snapshot or a refusal", () => {
    const inputs = fc.oneof(
      wildBytes(common.SnapshotSchema),
      damaged(snapshots.map(encoded)),
      fc.uint8Array({ maxLength: 60 }),
    );
    let read = 0;
    fc.assert(
      fc.property(inputs, fc.array(fc.nat(), { maxLength: 5 }), (bytes, cuts) => {
        const whole = outcome([bytes.slice()]);
        expect(outcome(pieces(bytes, cuts))).toEqual(whole);
        if ("value" in whole) {
          read++;
          // What is accepted is what the generated code reads.
          const message = fromBinary(common.SnapshotSchema, bytes);
          const data = message.data.map(({ key, value }) => ({ key, value }));
          expect(whole.value.records).toEqual(data);
          expect(whole.value.meta.authorId).toBe(message.meta?.authorId);
        }
      }),
      { numRuns: 3000 },
    );
    expect(read).toBeGreaterThan(30);
  });

  function outcome(parts: readonly Uint8Array[]): { value: Snapshot } | { refusal: string } {
    try {
      return { value: decoded(parts) };
    } catch (error) {
      if (error instanceof CodecError) return { refusal: error.message };
      if (isEngineError(error, "VERSION_MISMATCH")) return { refusal: error.message };
      throw error;
    }
  }
});

describe("encodeSnapshotMeta and encodeSnapshotRecords", () => {
  it.each([
    {
      name: "an empty key",
      call: () => encodeSnapshotRecords([{ ...sample.records[0]!, key: new Uint8Array(0) }]),
    },
    { name: "node 0", call: () => encodeSnapshotMeta({ ...meta, authorId: 0 as NodeId }) },
    { name: "a fraction", call: () => encodeSnapshotMeta({ ...meta, createdAtMs: 0.5 }) },
  ])("refuse $name", ({ call }) => {
    expect(call).toThrow(CodecError);
  });

  it("make no bytes of no records", () => {
    expect(encodeSnapshotRecords([])).toEqual(new Uint8Array(0));
  });
});
