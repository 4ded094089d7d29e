import { EngineError, type LogIndex, type Term } from "@d-engine/core";
import { describe, expect, it } from "vitest";
import { commandEntries, commandEntry, hardStateOf } from "../testing/log-session.js";
import { SimulatedStorage, settled } from "../testing/simulated-storage.js";

const tuning = { segmentBytes: 8192, batchBytesMax: 2048 };

describe("a log on a failing disk", () => {
  it.each(["EIO", "ENOSPC", "EROFS"])(
    "scenario 55: stops for good at a write's %s",
    async (errno) => {
      const storage = new SimulatedStorage(1, tuning);
      const session = await storage.open();
      await session.persist({ entries: commandEntries(1, 3) });
      await settled();
      storage.disk.fail(({ kind, path }) => kind === "write" && path.endsWith(".log"), errno, 1);
      session.write({ entries: commandEntries(3, 5) });
      session.write({ entries: commandEntries(5, 7) });
      await settled();
      session.write({ entries: commandEntries(7, 9) });
      await storage.idle();
      expect(session.persistedTo).toBe(1);
      expect(session.failures).toHaveLength(1);
      expect(session.failures[0]).toMatchObject({
        code: errno === "EROFS" ? "STORAGE_PERMISSION_DENIED" : "STORAGE_IO_ERROR",
        message: expect.stringMatching(
          new RegExp(`writing /data/log/0{15}1\\.log failed: ${errno}`),
        ),
      });
      await session.opened.close();
      expect(session.persistedTo).toBe(1);
      const again = await storage.open();
      expect(again.log.recovered.last.index).toBeGreaterThanOrEqual(2);
    },
  );

  it("acknowledges nothing that was under way when another part of the log failed", async () => {
    const underWay: (() => void)[] = [];
    let isSlow = false;
    const storage = new SimulatedStorage(2, tuning, {
      schedule: ({ kind, path }, run) => {
        if (isSlow && kind === "write" && path.endsWith(".log")) underWay.push(run);
        else queueMicrotask(run);
      },
    });
    const session = await storage.open();
    isSlow = true;
    storage.disk.fail(({ kind, path }) => kind === "rename" && path.endsWith(".tmp"), "EIO", 1);
    session.write({ entries: commandEntries(1, 3) });
    await settled();
    expect(underWay).toHaveLength(1);
    expect(session.failures).toMatchObject([{ code: "STORAGE_IO_ERROR" }]);
    for (const run of underWay) run();
    await settled();
    expect(session.persisted).toEqual([]);
    expect(session.failures).toHaveLength(1);
    await session.opened.close();
    isSlow = false;
    storage.disk.powerLoss();
    expect((await storage.open()).log.recovered.last.index).toBeLessThanOrEqual(2);
  });

  it("closes although the segment that it waits for will never come", async () => {
    const renames: (() => void)[] = [];
    let isSlow = false;
    const storage = new SimulatedStorage(15, tuning, {
      schedule: ({ kind, path }, run) => {
        if (isSlow && kind === "rename" && path.endsWith(".tmp")) renames.push(run);
        else queueMicrotask(run);
      },
    });
    const session = await storage.open();
    isSlow = true;
    storage.disk.fail(({ kind, path }) => kind === "rename" && path.endsWith(".tmp"), "EIO", 1);
    session.write({ entries: commandEntries(1, 200, 1, "w".repeat(100)) });
    await settled();
    expect(renames).toHaveLength(1);
    expect(session.failures).toEqual([]);
    for (const run of renames) run();
    await settled();
    expect(session.failures).toMatchObject([{ code: "STORAGE_IO_ERROR" }]);
    await session.opened.close();
    expect(session.persisted).toEqual([]);
    expect(session.failures).toHaveLength(1);
  });

  it("tells of a failure also while it closes", async () => {
    const storage = new SimulatedStorage(16, tuning);
    const session = await storage.open();
    await session.persist({ entries: commandEntries(1, 3) });
    session.write({ entries: commandEntries(3, 5) });
    storage.disk.fail(({ kind, path }) => kind === "write" && path.endsWith(".log"), "EIO", 1);
    await session.opened.close();
    await settled();
    expect(session.persistedTo).toBe(1);
    expect(session.failures).toMatchObject([{ code: "STORAGE_IO_ERROR" }]);
  });

  it("refuses to start on a disk that fails, and starts when it is well again", async () => {
    const storage = new SimulatedStorage(3, tuning);
    const session = await storage.open();
    await session.persist({ entries: commandEntries(1, 3) });
    await session.opened.close();
    for (const kind of ["read", "write", "open", "readdir"] as const) {
      storage.disk.fail((operation) => operation.kind === kind, "EIO", 1);
      await expect(storage.open(), kind).rejects.toMatchObject({ code: "STORAGE_IO_ERROR" });
      storage.disk.heal();
    }
    expect((await storage.open()).log.recovered.last.index).toBe(2);
  });

  it("rejects a read of a damaged batch, names it, and serves the others", async () => {
    const storage = new SimulatedStorage(4, tuning);
    const session = await storage.open();
    await session.persist({ entries: commandEntries(1, 3) });
    await session.persist({ entries: commandEntries(3, 5) });
    const path = "/data/log/0000000000000001.log";
    storage.disk.flip(path, 1024 + 100);
    await expect(session.log.read(1 as LogIndex, 3 as LogIndex, 1e6)).rejects.toMatchObject({
      code: "DATA_CORRUPTION",
      message: expect.stringContaining(`${path} is damaged at byte 1024`),
    });
    const entries = await session.log.read(3 as LogIndex, 5 as LogIndex, 1e6);
    expect(entries).toEqual(commandEntries(3, 5));
  });

  it("refuses an entry larger than a segment, and takes none of the write", async () => {
    const storage = new SimulatedStorage(5, tuning);
    const session = await storage.open();
    const entries = [commandEntry(1, 1), commandEntry(2, 1, "x".repeat(8192))];
    expect(() => session.log.write({ ...emptyWrite, entries })).toThrow(
      expect.objectContaining({
        code: "INVALID_REQUEST",
        message: expect.stringMatching(/entry 2 .*segmentBytes/),
      }),
    );
    await session.persist({ entries: commandEntries(1, 2) });
    await session.opened.close();
    expect((await storage.open()).log.recovered.last.index).toBe(1);
  });

  it("gives an entry that exceeds a batch a batch of its own", async () => {
    const storage = new SimulatedStorage(6, tuning);
    const session = await storage.open();
    const entries = [commandEntry(1, 1), commandEntry(2, 1, "x".repeat(6000)), commandEntry(3, 1)];
    await session.persist({ entries, hardState: hardStateOf(2) });
    await session.opened.close();
    const again = await storage.open();
    expect(await again.readAll()).toEqual(entries);
  });
});

const emptyWrite = { batch: 1 as never, hardState: undefined, commitIndex: 0 as LogIndex };

describe("a log on a full disk", () => {
  /** Writes entries of a sector each until no more is persisted. */
  async function fill(storage: SimulatedStorage, session: Session, from: number): Promise<number> {
    let index = from;
    for (; index < from + 100; index++) {
      session.write({ entries: [commandEntry(index, 1, "d".repeat(300))] });
      await settled();
      if (session.persistedTo < index) break;
    }
    await storage.idle();
    return index;
  }

  it("scenario 56: tells of missing room a segment ahead, and of room when there is some", async () => {
    const storage = new SimulatedStorage(7, tuning);
    const session = await storage.open();
    await settled();
    expect(session.room).toEqual([]);
    // Two segments exist; the third does not fit.
    storage.disk.capacityBytes = storage.disk.usedBytes + 1000;
    let index = 1;
    for (; session.room.length === 0; index++) {
      await session.persist({ entries: [commandEntry(index, 1, "d".repeat(300))] });
      await settled();
    }
    expect(session.room).toEqual([false]);
    // A whole segment is left for what must still be written (R10).
    await session.persist({ entries: [commandEntry(index, 1)], hardState: hardStateOf(9) });
    expect(storage.disk.paths().some((path) => path.endsWith(".tmp"))).toBe(false);
    storage.clock.advance(60_000);
    await settled();
    expect(session.room).toEqual([false]);
    storage.disk.capacityBytes = Number.POSITIVE_INFINITY;
    storage.clock.advance(5_000);
    await settled();
    expect(session.room).toEqual([false, true]);
    expect(session.failures).toEqual([]);
  });

  it("waits with what exceeds the last segment, and loses none of it", async () => {
    const storage = new SimulatedStorage(8, tuning);
    const session = await storage.open();
    await settled();
    storage.disk.capacityBytes = storage.disk.usedBytes;
    const stuck = await fill(storage, session, 1);
    expect(session.persistedTo).toBe(stuck - 1);
    session.write({ entries: [commandEntry(stuck + 1, 1)] });
    storage.disk.capacityBytes = Number.POSITIVE_INFINITY;
    storage.clock.advance(5_000);
    await settled();
    expect(session.persistedTo).toBe(stuck + 1);
    await session.opened.close();
    expect((await storage.open()).log.recovered.last.index).toBe(stuck + 1);
  });

  it("closes while it waits for room, and acknowledges nothing it could not write", async () => {
    const storage = new SimulatedStorage(9, tuning);
    const session = await storage.open();
    await settled();
    storage.disk.capacityBytes = storage.disk.usedBytes;
    const stuck = await fill(storage, session, 1);
    await session.opened.close();
    expect(session.persistedTo).toBe(stuck - 1);
    expect(session.failures).toEqual([]);
    expect((await storage.open()).log.recovered.last.index).toBe(stuck - 1);
  });

  it("gets room by a purge, without waiting for the next try", async () => {
    const storage = new SimulatedStorage(10, tuning);
    const session = await storage.open();
    await settled();
    storage.disk.capacityBytes = storage.disk.usedBytes;
    const stuck = await fill(storage, session, 1);
    expect(session.room).toEqual([false]);
    await session.log.purge({ index: (stuck - 5) as LogIndex, term: 1 as Term });
    await settled();
    // What waited is written; the segment after that has no room yet.
    expect(session.persistedTo).toBe(stuck);
    expect(session.room).toEqual([false]);
    await session.log.purge({ index: stuck as LogIndex, term: 1 as Term });
    await settled();
    expect(session.room).toEqual([false, true]);
  });

  it("refuses to make a new directory without room for a segment", async () => {
    const storage = new SimulatedStorage(11, tuning);
    storage.disk.capacityBytes = 5000;
    await expect(storage.open()).rejects.toMatchObject({
      code: "DISK_FULL",
      message: expect.stringMatching(/\/data .*8192 bytes/),
    });
    storage.disk.capacityBytes = Number.POSITIVE_INFINITY;
    expect((await storage.open()).log.recovered.last.index).toBe(0);
  });
});

type Session = Awaited<ReturnType<SimulatedStorage["open"]>>;

describe("LogStore.purge", () => {
  it("waits for reads under way, and rejects none of them", async () => {
    const storage = new SimulatedStorage(12, tuning);
    const session = await storage.open();
    for (let index = 1; index <= 40; index++) {
      await session.persist({ entries: [commandEntry(index, 1, "p".repeat(300))] });
    }
    const reading = session.log.read(1 as LogIndex, 41 as LogIndex, 1e6);
    const purging = session.log.purge({ index: 35 as LogIndex, term: 1 as Term });
    expect(await reading).toHaveLength(40);
    await purging;
    await expect(session.log.read(1 as LogIndex, 41 as LogIndex, 1e6)).rejects.toBeInstanceOf(
      EngineError,
    );
  });

  it("keeps every entry behind the purged ones, wherever the purge ends (I9)", async () => {
    const storage = new SimulatedStorage(15, tuning);
    const session = await storage.open();
    for (let index = 1; index <= 60; index++) {
      await session.persist({ entries: [commandEntry(index, 1, "p".repeat(300))] });
    }
    for (let upTo = 1; upTo < 60; upTo++) {
      await session.log.purge({ index: upTo as LogIndex, term: 1 as Term });
      const [next] = await session.log.read((upTo + 1) as LogIndex, 61 as LogIndex, 1);
      expect(next?.index).toBe(upTo + 1);
    }
    await expect(session.log.read(1 as LogIndex, 61 as LogIndex, 1)).rejects.toBeInstanceOf(
      EngineError,
    );
  });

  it("keeps a bounded number of files", async () => {
    const storage = new SimulatedStorage(13, { ...tuning, spareSegmentsMax: 2 });
    const session = await storage.open();
    for (let index = 1; index <= 300; index++) {
      await session.persist({ entries: [commandEntry(index, 1, "p".repeat(300))] });
      await settled();
      if (index % 100 !== 0) continue;
      await session.log.purge({ index: index as LogIndex, term: 1 as Term });
      const spares = storage.disk.paths().filter((path) => path.endsWith(".spare"));
      expect(spares).toHaveLength(2);
      expect(storage.disk.paths().length).toBeLessThanOrEqual(5);
      expect(session.log.bytes).toBe(2 * 8192);
    }
  });
});

describe("preparing a segment", () => {
  it("leaves the whole file on the medium before it has its name", async () => {
    const storage = new SimulatedStorage(14, tuning);
    await storage.open();
    await settled();
    const held = "/data/log/0000000000000002.log";
    for (let losses = 0; losses < 8; losses++) {
      storage.disk.powerLoss();
      expect(storage.disk.contentOf(held)).toHaveLength(8192);
    }
  });
});
