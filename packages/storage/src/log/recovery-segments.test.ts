import type { LogIndex, Term } from "@d-engine/core";
import { describe, expect, it } from "vitest";
import { tableCrc32 } from "../crc32.js";
import { parseBatchHeader, sealBatch } from "../format/batch-header.js";
import { BATCH_HEADER_BYTES, SECTOR_BYTES } from "../format/log-format.js";
import { getSegmentRecord, putSegmentRecord } from "../format/records.js";
import { batchOffsets } from "../testing/batch-offsets.js";
import { commandEntries, commandEntry, hardStateOf } from "../testing/log-session.js";
import { SimulatedStorage, settled } from "../testing/simulated-storage.js";

const first = "/data/log/0000000000000001.log";
const second = "/data/log/0000000000000002.log";
const third = "/data/log/0000000000000003.log";

function grown(image: Uint8Array): Uint8Array {
  const content = new Uint8Array(image.length + SECTOR_BYTES);
  content.set(image);
  return content;
}

function usedSegments(storage: SimulatedStorage): string[] {
  return storage.disk
    .paths()
    .filter((path) => path.endsWith(".log"))
    .filter((path) => batchOffsets(storage.disk.contentOf(path)).length > 0);
}

describe("recovery over several segments", () => {
  /** Three segments and some, sealed and closed. */
  async function rolledLog(seed: number): Promise<SimulatedStorage> {
    const storage = new SimulatedStorage(seed, { segmentBytes: 8192, batchBytesMax: 2048 });
    const session = await storage.open();
    for (let index = 1; index <= 40; index++) {
      const text = "r".repeat(300);
      const hardState = hardStateOf(index, 1);
      await session.persist({ entries: [commandEntry(index, 1, text)], hardState });
      await settled();
    }
    await session.opened.close();
    storage.disk.kill();
    return storage;
  }

  it("scenario 54: refuses a flip at any byte of a segment's first batch", async () => {
    const storage = await rolledLog(7);
    for (const path of [first, second, third]) {
      const image = storage.disk.contentOf(path);
      for (let at = 0; at < SECTOR_BYTES; at++) {
        storage.disk.flip(path, at);
        await expect(storage.open(), `${path} at ${at}`).rejects.toMatchObject({
          code: "DATA_CORRUPTION",
          message: expect.stringContaining(`${path} is damaged at byte 0:`),
        });
        storage.disk.replace(path, image);
      }
    }
    expect((await storage.open()).log.recovered.last.index).toBe(40);
  });

  it.each([
    { name: "the oldest zeroed", path: first, content: (image: Uint8Array) => image.fill(0) },
    { name: "a middle one zeroed", path: second, content: (image: Uint8Array) => image.fill(0) },
    {
      name: "a middle one cut",
      path: second,
      content: (image: Uint8Array) => image.slice(0, 4096),
    },
    { name: "one grown", path: third, content: (image: Uint8Array) => grown(image) },
    { name: "one emptied", path: third, content: () => new Uint8Array(0) },
  ])("refuses a log with $name", async ({ path, content }) => {
    const storage = await rolledLog(8);
    storage.disk.replace(path, content(storage.disk.contentOf(path)));
    await expect(storage.open()).rejects.toMatchObject({
      code: "DATA_CORRUPTION",
      message: expect.stringContaining(path),
    });
  });

  it("refuses a log with a missing segment, also when it is the last", async () => {
    const storage = await rolledLog(9);
    const logs = storage.disk.paths().filter((path) => path.endsWith(".log"));
    const inUse = usedSegments(storage);
    expect(inUse.length).toBeGreaterThan(2);
    for (const missing of [second, inUse.at(-1)!]) {
      const content = storage.disk.contentOf(missing);
      storage.disk.remove(missing);
      const beyond = logs.filter((path) => path > missing);
      if (missing !== second) for (const path of beyond) storage.disk.remove(path);
      await expect(storage.open()).rejects.toMatchObject({
        code: "DATA_CORRUPTION",
        message: expect.stringContaining(`${missing} is damaged at byte 0: the file is missing`),
      });
      const handle = await storage.disk.fileSystem.open(missing, {
        access: "create",
        durable: true,
      });
      await handle.write(content, 0, content.length, 0);
    }
  });

  it("refuses a segment that is a copy of another", async () => {
    const storage = await rolledLog(10);
    storage.disk.replace(second, storage.disk.contentOf(first));
    await expect(storage.open()).rejects.toMatchObject({ code: "DATA_CORRUPTION" });
    const oldest = await rolledLog(10);
    oldest.disk.replace(first, oldest.disk.contentOf(second));
    await expect(oldest.open()).rejects.toThrow(/it holds segment 2/);
  });

  it("refuses a segment that does not begin where the one before ended", async () => {
    const storage = await rolledLog(20);
    const content = storage.disk.contentOf(second);
    const header = parseBatchHeader(content, 0, tableCrc32)!;
    const record = getSegmentRecord(content, BATCH_HEADER_BYTES);
    const position = { ...record.position, index: (record.position.index - 1) as LogIndex };
    putSegmentRecord(content, BATCH_HEADER_BYTES, { ...record, position });
    sealBatch(content, BATCH_HEADER_BYTES + header.payloadBytes, header, tableCrc32);
    storage.disk.replace(second, content);
    await expect(storage.open()).rejects.toMatchObject({
      code: "DATA_CORRUPTION",
      message: expect.stringMatching(/0{15}2\.log .*begins at index and term/),
    });
  });

  it("refuses a damaged tail of a segment that another one follows", async () => {
    const storage = await rolledLog(11);
    const offsets = batchOffsets(storage.disk.contentOf(first));
    for (const offset of offsets.slice(-2)) {
      storage.disk.flip(first, offset + 20);
      await expect(storage.open()).rejects.toMatchObject({
        code: "DATA_CORRUPTION",
        message: expect.stringContaining(`${first} is damaged at byte ${offset}:`),
      });
      storage.disk.flip(first, offset + 20);
    }
  });

  it("refuses a damaged roll that only the beginning of the next segment follows", async () => {
    const storage = await rolledLog(16);
    const [last, before] = usedSegments(storage).reverse() as [string, string];
    for (const path of storage.disk.paths()) if (path > last) storage.disk.remove(path);
    // As after a crash before anything but its beginning was written.
    const content = storage.disk.contentOf(last);
    storage.disk.replace(last, content.fill(0, SECTOR_BYTES));
    const roll = batchOffsets(storage.disk.contentOf(before)).at(-1)!;
    storage.disk.flip(before, roll + 30);
    await expect(storage.open()).rejects.toMatchObject({
      code: "DATA_CORRUPTION",
      message: expect.stringContaining(`${before} is damaged at byte ${roll}:`),
    });
  });

  it("goes on when it died between the end of a segment and the next beginning", async () => {
    const storage = await rolledLog(17);
    const [last] = usedSegments(storage).reverse() as [string];
    for (const path of storage.disk.paths()) if (path > last) storage.disk.remove(path);
    storage.disk.replace(last, storage.disk.contentOf(last).fill(0));
    const session = await storage.open();
    const { index } = session.log.recovered.last;
    await session.persist({ entries: [commandEntry(index + 1, 1)] });
    await session.opened.close();
    const again = await storage.open();
    expect(again.log.recovered.last.index).toBe(index + 1);
  });

  it("uses segments of another size side by side", async () => {
    const storage = await rolledLog(18);
    const larger = { segmentBytes: 32 * 1024, batchBytesMax: 4096 };
    const session = await storage.open({}, larger);
    for (let index = 41; index <= 200; index++) {
      await session.persist({ entries: [commandEntry(index, 1, "s".repeat(300))] });
    }
    await session.opened.close();
    const again = await storage.open();
    expect(again.log.recovered.last.index).toBe(200);
    expect(await again.readAll()).toHaveLength(200);
  });

  it("reports its progress in bytes, up to all of them", async () => {
    const storage = await rolledLog(12);
    const progress: { done: number; total: number }[] = [];
    await storage.open({ onProgress: (step) => progress.push(step) });
    expect(progress.length).toBeGreaterThan(0);
    for (const { done, total } of progress) expect(done).toBeLessThanOrEqual(total);
    expect(progress.map((step) => step.done)).toEqual(
      progress.map((step) => step.done).sort((a, b) => a - b),
    );
  });
});

describe("recovery of recycled segments", () => {
  it("scenario 54: never reads an old generation of a file as new", async () => {
    const storage = new SimulatedStorage(13, { segmentBytes: 8192, batchBytesMax: 2048 });
    let session = await storage.open();
    for (let index = 1; index <= 200; index++) {
      await session.persist({ entries: [commandEntry(index, 1, "g".repeat(400))] });
      await settled();
      if (index % 20 === 0) {
        await session.cover(index, 1);
        await session.log.purge({ index: index as LogIndex, term: 1 as Term });
      }
      if (index % 25 === 0) {
        storage.disk.powerLoss();
        session = await storage.open();
        expect(session.log.recovered.last.index).toBe(index);
      }
    }
    const base = session.log.recovered.base.index;
    expect(base).toBeGreaterThan(150);
    const entries = await session.readAll();
    expect(entries.map((entry) => entry.index)).toEqual(
      Array.from({ length: 200 - base }, (_, i) => base + 1 + i),
    );
    expect(storage.disk.paths().length).toBeLessThan(15);
  });

  it("draws a new nonce for each use of a file", async () => {
    const storage = new SimulatedStorage(19, { segmentBytes: 8192, batchBytesMax: 2048 });
    const session = await storage.open();
    const nonces = new Set<bigint>();
    for (let index = 1; index <= 200; index++) {
      await session.persist({ entries: [commandEntry(index, 1, "g".repeat(400))] });
      await settled();
      const current = usedSegments(storage).at(-1)!;
      nonces.add(parseBatchHeader(storage.disk.contentOf(current), 0, tableCrc32)!.nonce);
      if (index % 20 === 0) await session.log.purge({ index: index as LogIndex, term: 1 as Term });
    }
    expect(nonces.size).toBeGreaterThan(20);
  });

  it("scenario 48: an overwritten suffix around the base does not come back", async () => {
    const storage = new SimulatedStorage(14, { segmentBytes: 8192, batchBytesMax: 2048 });
    let session = await storage.open();
    for (let index = 1; index <= 20; index++) {
      await session.persist({ entries: [commandEntry(index, 3, "o".repeat(300))] });
      await settled();
    }
    const segmentsBefore = storage.disk.paths().length;
    // Entries 9 to 20 of term 3 are replaced by 9 to 12 of term 4, two segments later.
    await session.persist({ entries: commandEntries(9, 11, 4, "n".repeat(300)) });
    for (let index = 11; index <= 12; index++) {
      await session.persist({ entries: [commandEntry(index, 4, "n".repeat(300))] });
    }
    expect(segmentsBefore).toBeGreaterThan(2);
    await session.cover(10, 4);
    await session.log.purge({ index: 10 as LogIndex, term: 4 as Term });
    storage.disk.powerLoss();
    session = await storage.open();
    const { base, last, termRuns } = session.log.recovered;
    expect(last).toEqual({ index: 12, term: 4 });
    expect(base).toEqual({ index: 8, term: 3 });
    expect(termRuns).toEqual([{ index: 9, term: 4 }]);
    const entries = await session.readAll();
    expect(entries.map(({ index, term }) => [index, term])).toEqual([
      [9, 4],
      [10, 4],
      [11, 4],
      [12, 4],
    ]);
  });
});
