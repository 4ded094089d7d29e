import type { LogIndex } from "@d-engine/core";
import { describe, expect, it } from "vitest";
import { tableCrc32 } from "../crc32.js";
import { parseBatchHeader, sealBatch } from "../format/batch-header.js";
import { SECTOR_BYTES } from "../format/log-format.js";
import { batchOffsets } from "../testing/batch-offsets.js";
import { commandEntries, commandEntry, hardStateOf } from "../testing/log-session.js";
import { SimulatedStorage, settled } from "../testing/simulated-storage.js";

const first = "/data/log/0000000000000001.log";

/** A log of a segment batch, the first seal, and two data batches, the second unsealed. */
async function killedAfterTwoBatches(): Promise<SimulatedStorage> {
  const storage = new SimulatedStorage(1);
  const session = await storage.open();
  await session.persist({ entries: commandEntries(1, 4), hardState: hardStateOf(1, 1) });
  await session.persist({ entries: commandEntries(4, 7), hardState: hardStateOf(2, 1) });
  await settled();
  storage.disk.kill();
  return storage;
}

/** The same, sealed; then opened and closed: nothing changes any more. */
async function closedAfterThreeBatches(): Promise<SimulatedStorage> {
  const storage = new SimulatedStorage(2);
  const session = await storage.open();
  await session.persist({ entries: commandEntries(1, 4), hardState: hardStateOf(1, 1) });
  await session.persist({ entries: commandEntries(4, 7) });
  await session.persist({ entries: commandEntries(7, 10), hardState: hardStateOf(2, 1) });
  await session.opened.close();
  storage.disk.kill();
  return storage;
}

describe("recovery of a torn tail", () => {
  it.each([
    { name: "zeros", filler: 0 },
    { name: "old bytes", filler: 0xa5 },
  ])("scenario 52: cuts the last batch torn at any byte, over $name", async ({ filler }) => {
    const storage = await killedAfterTwoBatches();
    const image = storage.disk.contentOf(first);
    const last = batchOffsets(image).at(-1)!;
    for (let torn = 0; torn < SECTOR_BYTES; torn++) {
      const content = image.slice();
      content.fill(filler, last + torn, last + SECTOR_BYTES);
      storage.disk.replace(first, content);
      const { log } = await storage.open();
      const isWhole = content.every((byte, i) => byte === image[i]);
      expect(log.recovered.last.index, `torn at byte ${torn}`).toBe(isWhole ? 6 : 3);
      expect(log.recovered.hardState).toEqual(hardStateOf(isWhole ? 2 : 1, 1));
      expect(await log.read(1 as LogIndex, 4 as LogIndex, 1e6)).toEqual(commandEntries(1, 4));
      storage.disk.kill();
    }
  });

  it("tells of a cut", async () => {
    const storage = await killedAfterTwoBatches();
    const last = batchOffsets(storage.disk.contentOf(first)).at(-1)!;
    storage.disk.flip(first, last + 100);
    await storage.open();
    expect(storage.notices).toEqual([
      `${first}: cut an incomplete batch at byte ${last}; it was never acknowledged`,
    ]);
  });

  it("overwrites the header of a cut batch before anything else happens", async () => {
    const storage = new SimulatedStorage(15);
    const session = await storage.open();
    await session.persist({ entries: commandEntries(1, 3) });
    await storage.idle();
    await session.persist({ entries: commandEntries(3, 5) });
    storage.disk.kill();
    const torn = batchOffsets(storage.disk.contentOf(first)).at(-1)!;
    storage.disk.flip(first, torn + 80);
    await storage.open();
    const header = parseBatchHeader(storage.disk.contentOf(first), torn, tableCrc32);
    expect(header).toMatchObject({ kind: "seal" });
  });

  it("R8: nothing of a cut batch comes back, wherever the next start is cut short", async () => {
    const storage = new SimulatedStorage(3);
    const session = await storage.open();
    await session.persist({ entries: commandEntries(1, 3) });
    // Several sectors, the first of which is lost: what remains must never be read.
    await session.persist({ entries: commandEntries(3, 9, 7, "torn ".repeat(60)) });
    storage.disk.kill();
    const last = batchOffsets(storage.disk.contentOf(first)).at(-1)!;
    storage.disk.flip(first, last + 700);
    const torn = storage.disk.contentOf(first);
    for (let round = 0; round < 50; round++) {
      const again = await storage.open();
      expect(again.log.recovered.last.index).toBe(2 + round);
      expect(await again.readAll()).toEqual(commandEntries(1, 3 + round));
      await again.persist({ entries: [commandEntry(3 + round, 1)] });
      storage.disk.powerLoss();
    }
    expect(torn.length).toBe(storage.disk.contentOf(first).length);
  });

  it("makes what it recovers durable, also where a failed write left it in the cache", async () => {
    const storage = new SimulatedStorage(4);
    const session = await storage.open();
    await session.persist({ entries: commandEntries(1, 3) });
    storage.disk.fail((operation) => operation.kind === "write", "EIO", 1);
    await expect(session.persist({ entries: commandEntries(3, 5) })).rejects.toThrow(/EIO/);
    storage.disk.kill();
    const again = await storage.open();
    expect(again.log.recovered.last.index).toBe(4);
    for (let losses = 0; losses < 5; losses++) {
      storage.disk.powerLoss();
      const later = await storage.open();
      expect(later.log.recovered.last.index).toBe(4);
    }
  });
});

describe("recovery of a damaged log", () => {
  it("scenario 53: refuses a flip at any byte that was sealed, and names file and byte", async () => {
    const storage = await closedAfterThreeBatches();
    const image = storage.disk.contentOf(first);
    const offsets = batchOffsets(image);
    const sealed = offsets.at(-1)!;
    expect(offsets).toEqual([0, 512, 1024, 1536, 2048, 2560]);
    for (let at = 0; at < sealed; at++) {
      storage.disk.flip(first, at, 1 << (at % 8));
      const batch = at - (at % SECTOR_BYTES);
      await expect(storage.open(), `flip at ${at}`).rejects.toMatchObject({
        code: "DATA_CORRUPTION",
        message: expect.stringContaining(`${first} is damaged at byte ${batch}:`),
      });
      storage.disk.replace(first, image);
    }
    const session = await storage.open();
    expect(await session.readAll()).toEqual(commandEntries(1, 10));
  });

  it("loses nothing by a flip in the last seal", async () => {
    const storage = await closedAfterThreeBatches();
    const image = storage.disk.contentOf(first);
    const sealed = batchOffsets(image).at(-1)!;
    for (let at = sealed; at < sealed + SECTOR_BYTES; at++) {
      storage.disk.flip(first, at);
      const session = await storage.open();
      expect(session.log.recovered.last.index).toBe(9);
      storage.disk.kill();
      storage.disk.replace(first, image);
    }
  });

  it("refuses a valid batch that a misdirected write put in the place of another (rule R8)", async () => {
    const storage = await closedAfterThreeBatches();
    const image = storage.disk.contentOf(first);
    const data = batchOffsets(image).slice(-4, -1);
    const content = image.slice();
    content.copyWithin(data[2]!, data[0]!, data[1]!);
    storage.disk.replace(first, content);
    await expect(storage.open()).rejects.toMatchObject({
      code: "DATA_CORRUPTION",
      message: expect.stringContaining(`${first} is damaged at byte ${data[2]}:`),
    });
  });

  it("R8: seals an idle log, so that its last batch cannot be lost silently", async () => {
    const storage = new SimulatedStorage(5);
    const session = await storage.open();
    await session.persist({ entries: commandEntries(1, 4) });
    const last = batchOffsets(storage.disk.contentOf(first)).at(-1)!;
    storage.clock.advance(19);
    await settled();
    expect(batchOffsets(storage.disk.contentOf(first)).at(-1)).toBe(last);
    storage.clock.advance(1);
    await settled();
    expect(batchOffsets(storage.disk.contentOf(first)).at(-1)).toBe(last + SECTOR_BYTES);
    storage.disk.kill();
    storage.disk.flip(first, last + 90);
    await expect(storage.open()).rejects.toMatchObject({ code: "DATA_CORRUPTION" });
  });

  it("seals once, and again only after another write", async () => {
    const storage = new SimulatedStorage(6);
    const session = await storage.open();
    await session.persist({ entries: commandEntries(1, 4) });
    for (let i = 0; i < 5; i++) await storage.idle();
    const sealed = batchOffsets(storage.disk.contentOf(first)).length;
    await session.persist({ entries: commandEntries(4, 5) });
    for (let i = 0; i < 5; i++) await storage.idle();
    expect(batchOffsets(storage.disk.contentOf(first))).toHaveLength(sealed + 2);
  });
});

describe("recovery of a newer format", () => {
  it("refuses a batch of a newer version, and leaves it unharmed", async () => {
    const storage = await closedAfterThreeBatches();
    const content = storage.disk.contentOf(first);
    const sector = content.slice(512, 1024);
    const header = parseBatchHeader(sector, 0, tableCrc32)!;
    sealBatch(sector, 64, { ...header, kind: "seal" }, tableCrc32);
    sector[4] = 2;
    new DataView(sector.buffer).setUint32(60, tableCrc32(sector.subarray(0, 60)), true);
    content.set(sector, 512);
    storage.disk.replace(first, content);
    await expect(storage.open()).rejects.toMatchObject({
      code: "VERSION_MISMATCH",
      message: expect.stringMatching(/format 2.*up to 1.*unharmed/),
    });
    expect(storage.disk.contentOf(first)).toEqual(content);
  });
});
