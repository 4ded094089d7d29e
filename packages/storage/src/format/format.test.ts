import { crc32 } from "node:zlib";
import type { LogIndex, Term } from "@d-engine/core";
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { tableCrc32 } from "../crc32.js";
import { readDataRecords } from "../log/data-records.js";
import { parseSegmentName, segmentName, spareName } from "../log/segment-name.js";
import { commandEntries, commandEntry, hardStateOf } from "../testing/log-session.js";
import { BatchBuilder, type BatchRun, type LogChange } from "./batch-builder.js";
import { batchBytes, looksLikeBatch, parseBatchHeader, sealBatch } from "./batch-header.js";
import { getUint32, getUint64, putUint32, putUint64 } from "./little-endian.js";
import { getSegmentRecord, putSegmentRecord, segmentRecord } from "./records.js";

describe("tableCrc32", () => {
  it("gives what zlib gives", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 600 }), (data) => {
        expect(tableCrc32(data)).toBe(crc32(data));
      }),
    );
  });
});

describe("little-endian fields", () => {
  it("keep every integer up to 2^53 - 1", () => {
    fc.assert(
      fc.property(fc.maxSafeNat(), fc.nat(0xffff_ffff), (large, small) => {
        const bytes = new Uint8Array(14);
        putUint64(bytes, 1, large);
        putUint32(bytes, 9, small);
        expect(getUint64(bytes, 1)).toBe(large);
        expect(getUint32(bytes, 9)).toBe(small);
        expect(new DataView(bytes.buffer).getBigUint64(1, true)).toBe(BigInt(large));
      }),
    );
  });

  it.each([-1, 0.5, 2 ** 53, Number.NaN])("refuse %s", (value) => {
    expect(() => putUint64(new Uint8Array(8), 0, value)).toThrow(/does not fit/);
  });
});

describe("a batch", () => {
  const stamp = {
    kind: "data",
    nonce: 0xfedc_ba98_7654_3210n,
    sequence: 2 ** 40,
    commitIndex: 9,
  } as const;

  it("reads back as it was sealed, padded with zeros to whole sectors", () => {
    for (const payloadBytes of [0, 1, 447, 448, 449, 1000]) {
      const bytes = new Uint8Array(2048).fill(0xee);
      const end = sealBatch(bytes, 64 + payloadBytes, stamp, crc32);
      const header = parseBatchHeader(bytes, 0, crc32)!;
      expect(header).toMatchObject({ ...stamp, version: 1, payloadBytes });
      expect(batchBytes(header)).toBe(end);
      expect(end % 512).toBe(0);
      expect(bytes.subarray(64 + payloadBytes, end).every((byte) => byte === 0)).toBe(true);
      expect(header.payloadCrc).toBe(crc32(bytes.subarray(64, end)));
    }
  });

  it("has no header that survives a flip of any bit", () => {
    const bytes = new Uint8Array(512);
    sealBatch(bytes, 64, stamp, crc32);
    for (let bit = 0; bit < 64 * 8; bit++) {
      bytes[bit >> 3]! ^= 1 << (bit & 7);
      expect(parseBatchHeader(bytes, 0, crc32), `bit ${bit}`).toBeUndefined();
      bytes[bit >> 3]! ^= 1 << (bit & 7);
    }
    expect(looksLikeBatch(bytes, 0, stamp.nonce)).toBe(true);
    expect(looksLikeBatch(bytes, 0, stamp.nonce + 1n)).toBe(false);
  });
});

describe("BatchBuilder", () => {
  const noPrevious = (): Term => 0 as Term;

  it("makes one run of what is contiguous and of one term", () => {
    const builder = new BatchBuilder(8192, 8192);
    const asked: number[] = [];
    const openRun = (first: LogIndex): Term => {
      asked.push(first);
      return 7 as Term;
    };
    const entries = [...commandEntries(1, 4, 1), ...commandEntries(4, 6, 2), commandEntry(3, 3)];
    for (const entry of entries) expect(builder.addEntry(entry, openRun)).toBe(true);
    builder.addHardState(hardStateOf(3, 9));
    builder.addEntry(commandEntry(4, 3), openRun);
    builder.finish({ kind: "data", nonce: 1n, sequence: 1, commitIndex: 0 }, crc32);
    expect(asked).toEqual([1, 4, 3, 4]);
    expect(runsOf(builder.changes).map(({ first, count, term }) => [first, count, term])).toEqual([
      [1, 3, 1],
      [4, 2, 2],
      [3, 1, 3],
      [4, 1, 3],
    ]);
    const { payloadBytes } = parseBatchHeader(builder.bytes, 0, crc32)!;
    const records = readDataRecords(builder.bytes, payloadBytes)!;
    expect(records.hardState).toEqual(hardStateOf(3, 9));
    expect(records.changes).toMatchObject(builder.changes);
  });

  it("keeps resets between the runs that they come between", () => {
    const builder = new BatchBuilder(8192, 8192);
    const base = { index: (2 ** 40) as LogIndex, term: 9 as Term };
    builder.addEntry(commandEntry(1, 1), noPrevious);
    expect(builder.addReset(base)).toBe(true);
    builder.addEntry(commandEntry(base.index + 1, 9), () => base.term);
    builder.addHardState(hardStateOf(9));
    builder.finish({ kind: "data", nonce: 1n, sequence: 1, commitIndex: 0 }, crc32);
    const kinds = builder.changes.map((change) => change.kind);
    expect(kinds).toEqual(["run", "reset", "run"]);
    const { payloadBytes } = parseBatchHeader(builder.bytes, 0, crc32)!;
    const records = readDataRecords(builder.bytes, payloadBytes)!;
    expect(records.changes).toMatchObject(builder.changes);
    expect(records.changes[1]).toEqual({ kind: "reset", base });
    expect(records.hardState).toEqual(hardStateOf(9));
  });

  it("refuses what exceeds its bound, and stays as it was", () => {
    const builder = new BatchBuilder(1024, 4096);
    expect(builder.addEntry(commandEntry(1, 1, "x".repeat(2000)), noPrevious)).toBe(true);
    expect(builder.byteLength).toBeGreaterThan(1024);
    expect(builder.addEntry(commandEntry(2, 1), noPrevious)).toBe(false);
    expect(builder.addHardState(hardStateOf(1))).toBe(false);
    builder.finish({ kind: "data", nonce: 1n, sequence: 1, commitIndex: 0 }, crc32);
    expect(builder.changes).toHaveLength(1);
    builder.reset();
    expect(builder.addEntry(commandEntry(1, 1, "x".repeat(5000)), noPrevious)).toBe(false);
    expect(builder.hasRecords).toBe(false);
  });
});

describe("readDataRecords", () => {
  it("refuses a payload that its records do not fill", () => {
    const builder = new BatchBuilder(8192, 8192);
    for (const entry of commandEntries(1, 4)) builder.addEntry(entry, () => 0 as Term);
    builder.finish({ kind: "data", nonce: 1n, sequence: 1, commitIndex: 0 }, crc32);
    const { payloadBytes } = parseBatchHeader(builder.bytes, 0, crc32)!;
    expect(readDataRecords(builder.bytes, payloadBytes)).toBeDefined();
    for (const wrong of [payloadBytes - 1, payloadBytes + 1, 39, 7]) {
      expect(readDataRecords(builder.bytes, wrong)).toBeUndefined();
    }
  });
});

describe("a segment record", () => {
  it.each([
    { hardState: undefined },
    { hardState: hardStateOf(3) },
    { hardState: hardStateOf(4, 5) },
  ])("reads back as it was written: $hardState", ({ hardState }) => {
    const record = segmentRecord({
      ordinal: 7,
      nextNonce: 2n ** 63n + 5n,
      segmentBytes: 1 << 26,
      position: { index: (2 ** 50) as LogIndex, term: 9 as Term },
      hardState,
    });
    const bytes = new Uint8Array(200).fill(0xff);
    putSegmentRecord(bytes, 64, record);
    expect(getSegmentRecord(bytes, 64)).toEqual(record);
  });
});

describe("names of segment files", () => {
  it("are ordered as their ordinals, and read back", () => {
    expect(segmentName(7)).toBe("0000000000000007.log");
    expect(parseSegmentName(segmentName(7))).toEqual({ kind: "segment", ordinal: 7 });
    expect(parseSegmentName(spareName(12))).toEqual({ kind: "spare", ordinal: 12 });
    expect(segmentName(9) < segmentName(10)).toBe(true);
  });

  it.each(["7.log", "0000000000000007.log.bak", "x000000000000007.log", ".log", "notes"])(
    "are not: %s",
    (name) => {
      expect(parseSegmentName(name)).toEqual({ kind: "foreign" });
    },
  );
});

function runsOf(changes: readonly LogChange[]): readonly BatchRun[] {
  return changes.flatMap((change) => (change.kind === "run" ? [change.run] : []));
}
