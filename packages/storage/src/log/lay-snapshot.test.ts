import type { LogIndex } from "@d-engine/core";
import { describe, expect, it } from "vitest";
import { commandEntries, commandEntry, entryText, hardStateOf } from "../testing/log-session.js";
import { SimulatedStorage } from "../testing/simulated-storage.js";
import { contentOf, createSnapshot, idAt } from "../testing/snapshot-content.js";

/** A storage with a log, and a snapshot that arrived without the log hearing of it. */
async function crashedInstall(
  seed: number,
  entries: ReturnType<typeof commandEntries>,
  label: ReturnType<typeof idAt>,
  hardState = hardStateOf(2, 1),
): Promise<SimulatedStorage> {
  const storage = new SimulatedStorage(seed, { segmentBytes: 8192, batchBytesMax: 2048 });
  const session = await storage.open();
  if (entries.length > 0) await session.persist({ entries, hardState });
  await createSnapshot(session.opened.snapshots!, label, contentOf(1, 100));
  storage.disk.powerLoss();
  return storage;
}

describe("the newest snapshot over a log at a start (rule R9)", () => {
  it("keeps a log with the snapshot's entry in it, tail and all", async () => {
    const entries = [...commandEntries(1, 10, 1), ...commandEntries(10, 20, 2)];
    const storage = await crashedInstall(1, entries, idAt(12, 2));
    const session = await storage.open();
    const { base, last, commitIndex, hardState } = session.log.recovered;
    expect({ base, last, commitIndex, hardState }).toEqual({
      base: idAt(0, 0),
      last: idAt(19, 2),
      commitIndex: 12,
      hardState: hardStateOf(2, 1),
    });
    expect((await session.readAll()).map(entryText)).toEqual(entries.map(entryText));
  });

  it.each([
    { name: "another term at the label", entries: commandEntries(1, 20, 1), label: idAt(12, 2) },
    { name: "an end before the label", entries: commandEntries(1, 12, 2), label: idAt(12, 2) },
    { name: "nothing in it", entries: [], label: idAt(12, 2) },
  ])("scenario 48: resets a log with $name, for ever", async ({ entries, label }) => {
    const storage = await crashedInstall(2, entries, label);
    for (let round = 0; round < 3; round++) {
      const { base, last, commitIndex, termRuns } = (await storage.open()).log.recovered;
      expect({ base, last, commitIndex, termRuns }).toEqual({
        base: label,
        last: label,
        commitIndex: 12,
        termRuns: [],
      });
      storage.disk.powerLoss();
    }
    const session = await storage.open();
    await session.persist({ entries: commandEntries(13, 15, 3) });
    // Nor when a newer snapshot goes, and the entries behind the old one are all there is.
    storage.disk.powerLoss();
    const again = await storage.open();
    expect(again.log.recovered.last).toEqual(idAt(14, 3));
    expect((await again.readAll()).map(entryText)).toEqual(
      commandEntries(13, 15, 3).map(entryText),
    );
  });

  it("has the reset on the disk before an append can follow it", async () => {
    const storage = await crashedInstall(3, commandEntries(1, 20, 1), idAt(12, 2));
    await storage.open();
    storage.disk.kill();
    // The snapshot goes missing: only the log can say now that its old entries are void.
    for (const path of storage.disk.paths()) {
      if (path.startsWith("/data/snapshots/")) storage.disk.remove(path);
    }
    await expect(storage.open()).rejects.toMatchObject({
      code: "DATA_CORRUPTION",
      message: expect.stringMatching(/begins with entry 13, but there is no snapshot/),
    });
  });

  it("knows the snapshot's term even if the hard state did not get to the disk", async () => {
    const storage = await crashedInstall(4, commandEntries(1, 5, 1), idAt(12, 7));
    const raised = { term: 7, votedFor: undefined, minElectionTimeoutMs: 1000.5 };
    expect((await storage.open()).log.recovered.hardState).toEqual(raised);
    storage.disk.powerLoss();
    expect((await storage.open()).log.recovered.hardState).toEqual(raised);
    const later = await crashedInstall(5, commandEntries(1, 5, 1), idAt(12, 7), hardStateOf(9, 2));
    expect((await later.open()).log.recovered.hardState).toEqual(hardStateOf(9, 2));
  });

  it("refuses a damaged snapshot, and leaves the log as it was", async () => {
    const storage = await crashedInstall(6, commandEntries(1, 20, 1), idAt(12, 2));
    const path = storage.disk.paths().find((other) => other.endsWith(".pb"))!;
    storage.disk.flip(path, 50);
    await expect(storage.open()).rejects.toMatchObject({
      code: "DATA_CORRUPTION",
      message: expect.stringContaining(path),
    });
    storage.disk.remove(path);
    storage.disk.remove(`${path}.sha256`);
    const session = await storage.open();
    expect(await session.readAll()).toHaveLength(19);
  });

  it("finds room for the reset however full the segment is", async () => {
    for (let count = 1; count <= 20; count++) {
      const storage = new SimulatedStorage(count, { segmentBytes: 8192, batchBytesMax: 2048 });
      const session = await storage.open();
      for (let index = 1; index <= count; index++) {
        await session.persist({ entries: [commandEntry(index, 1, "f".repeat(300))] });
      }
      await createSnapshot(session.opened.snapshots!, idAt(50, 2), contentOf(1, 10));
      storage.disk.kill();
      const again = await storage.open();
      expect(again.log.recovered.last).toEqual(idAt(50, 2));
      await again.persist({ entries: commandEntries(51, 60, 2) });
      storage.disk.powerLoss();
      expect((await storage.open()).log.recovered.last).toEqual(idAt(59, 2));
    }
  });

  it("tells a full disk from a broken one when the reset needs a new segment", async () => {
    let refused = 0;
    for (let count = 1; count <= 20; count++) {
      const storage = new SimulatedStorage(count, { segmentBytes: 8192, batchBytesMax: 2048 });
      const session = await storage.open();
      for (let index = 1; index <= count; index++) {
        await session.persist({ entries: [commandEntry(index, 1, "f".repeat(300))] });
      }
      await createSnapshot(session.opened.snapshots!, idAt(50, 2), contentOf(1, 10));
      storage.disk.kill();
      const held = storage.disk
        .paths()
        .filter((path) => path.endsWith(".log"))
        .at(-1)!;
      const isUnused = storage.disk.contentOf(held).every((byte) => byte === 0);
      if (isUnused) storage.disk.remove(held);
      storage.disk.capacityBytes = storage.disk.usedBytes;
      const outcome = await storage.open().then(
        () => "opened",
        (error: { code: string }) => error.code,
      );
      expect(["opened", "DISK_FULL"]).toContain(outcome);
      if (outcome === "opened") continue;
      refused++;
      storage.disk.capacityBytes = Number.POSITIVE_INFINITY;
      expect((await storage.open()).log.recovered.last).toEqual(idAt(50, 2));
    }
    expect(refused).toBeGreaterThan(0);
  });

  it("gives up segments before a reset only when a snapshot covers it", async () => {
    const storage = new SimulatedStorage(9, { segmentBytes: 8192, batchBytesMax: 2048 });
    const session = await storage.open();
    for (let index = 1; index <= 60; index++) {
      await session.persist({ entries: [commandEntry(index, 1, "f".repeat(300))] });
    }
    await createSnapshot(session.opened.snapshots!, idAt(100, 2), contentOf(1, 10));
    await session.persist({ reset: idAt(100, 2) });
    const before = session.log.bytes;
    await session.log.purge(idAt(99, 2));
    expect(session.log.bytes).toBe(before);
    await session.log.purge(idAt(100, 2));
    expect(session.log.bytes).toBe(2 * 8192);
    // The current segment stays, and says by itself what was given up.
    storage.disk.powerLoss();
    const again = await storage.open();
    expect(again.log.recovered.base).toEqual(idAt(100, 2));
    await expect(again.log.read(100 as LogIndex, 101 as LogIndex, 1)).rejects.toThrow(/retained/);
  });
});
