import { EngineError } from "@d-engine/core";
import { describe, expect, it } from "vitest";
import { tableCrc32 } from "../crc32.js";
import { commandEntries, testIdentity } from "../testing/log-session.js";
import { seededRandom } from "../testing/seeded-random.js";
import { SimulatedStorage, settled } from "../testing/simulated-storage.js";
import { formatIdentity } from "./identity-file.js";

const identityPath = "/data/identity.json";

async function usedDirectory(): Promise<SimulatedStorage> {
  const storage = new SimulatedStorage(1);
  const session = await storage.open();
  await session.persist({ entries: commandEntries(1, 4) });
  await session.opened.close();
  return storage;
}

describe("a data directory", () => {
  it("keeps the identity it was made with", async () => {
    const storage = await usedDirectory();
    const createIdentity = () => {
      throw new Error("asked for another identity");
    };
    const session = await storage.open({ createIdentity });
    expect(session.opened.identity).toEqual(testIdentity);
    expect(session.opened.identity.bootstrap).toHaveProperty("outgoingVoters");
  });

  it("has an identity that people and tools can read", async () => {
    const storage = await usedDirectory();
    const text = new TextDecoder().decode(storage.disk.contentOf(identityPath));
    expect(JSON.parse(text)).toMatchObject({
      format: 1,
      nodeId: 1,
      clusterId: testIdentity.clusterId,
    });
  });

  it("reads an identity from before nodes could be added as one from the beginning", async () => {
    const storage = await usedDirectory();
    const { joinedAt: _, ...older } = testIdentity;
    const bytes = formatIdentity(older as typeof testIdentity, tableCrc32);
    expect(new TextDecoder().decode(bytes)).not.toContain("joinedAt");
    storage.disk.replace(identityPath, bytes);
    const session = await storage.open();
    expect(session.opened.identity).toEqual({ ...testIdentity, joinedAt: 0 });
  });

  it("keeps the entry that added its node", async () => {
    const storage = new SimulatedStorage(1);
    const joined = { ...testIdentity, joinedAt: 77 as typeof testIdentity.joinedAt };
    await (await storage.open({ createIdentity: () => joined })).opened.close();
    expect((await storage.open()).opened.identity).toEqual(joined);
  });

  it("scenario 54: refuses a flip at any byte of the identity", async () => {
    const storage = await usedDirectory();
    const image = storage.disk.contentOf(identityPath);
    for (let at = 0; at < image.length; at++) {
      storage.disk.flip(identityPath, at, 1 << (at % 7));
      await expect(storage.open(), `byte ${at}`).rejects.toMatchObject({
        code: "DATA_CORRUPTION",
        message: expect.stringContaining(identityPath),
      });
      storage.disk.replace(identityPath, image);
    }
    await storage.open();
  });

  it("refuses an identity that was cut short or emptied", async () => {
    const storage = await usedDirectory();
    const image = storage.disk.contentOf(identityPath);
    for (const length of [0, 1, 20, image.length - 1]) {
      storage.disk.replace(identityPath, image.slice(0, length));
      await expect(storage.open()).rejects.toMatchObject({ code: "DATA_CORRUPTION" });
    }
  });

  it("scenario 59: refuses a format from the future, and leaves it unharmed", async () => {
    const storage = await usedDirectory();
    storage.disk.replace(identityPath, formatIdentity(testIdentity, tableCrc32, 2));
    const before = storage.disk.paths().map((path) => storage.disk.contentOf(path));
    await expect(storage.open()).rejects.toMatchObject({
      code: "VERSION_MISMATCH",
      message: expect.stringMatching(/format 2.*up to 1.*unharmed/),
    });
    expect(storage.disk.paths().map((path) => storage.disk.contentOf(path))).toEqual(before);
  });

  it("does not make a new identity over a log that lost its own", async () => {
    const storage = await usedDirectory();
    storage.disk.remove(identityPath);
    await expect(storage.open()).rejects.toMatchObject({
      code: "DATA_CORRUPTION",
      message: expect.stringContaining("identity is lost"),
    });
    const [log] = storage.disk.paths();
    // Not even when the beginning of the log is damaged too.
    storage.disk.flip(log!, 3);
    await expect(storage.open()).rejects.toMatchObject({ code: "DATA_CORRUPTION" });
  });

  it("refuses a directory that holds something else, and puts nothing into it", async () => {
    const storage = new SimulatedStorage(2);
    const { fileSystem } = storage.disk;
    await fileSystem.mkdir("/data");
    await fileSystem.open("/data/thesis.docx", { access: "create", durable: false });
    await expect(storage.open()).rejects.toMatchObject({
      code: "INVALID_REQUEST",
      message: expect.stringMatching(/^\/data holds 'thesis.docx'.*empty directory$/),
    });
    expect(storage.disk.paths()).toEqual(["/data/thesis.docx"]);
    expect(await fileSystem.readdir("/data")).toEqual(["thesis.docx"]);
  });

  it("takes a fresh mount, and ignores foreign files beside its own", async () => {
    const storage = new SimulatedStorage(3);
    const { fileSystem } = storage.disk;
    await fileSystem.mkdir("/data/lost+found");
    await fileSystem.open("/data/.keep", { access: "create", durable: false });
    const session = await storage.open();
    await session.opened.close();
    await fileSystem.open("/data/notes.txt", { access: "create", durable: false });
    await storage.open();
  });

  it.each(["EACCES", "EROFS"] as const)(
    "scenario 59: refuses a directory that cannot be written (%s), old or new",
    async (errno) => {
      const storage = await usedDirectory();
      const fresh = new SimulatedStorage(4);
      for (const unwritable of [storage, fresh]) {
        unwritable.disk.writeProtection = errno;
        await expect(unwritable.open()).rejects.toMatchObject({
          code: "STORAGE_PERMISSION_DENIED",
          message: expect.stringMatching(new RegExp(`/data.* failed: ${errno}; give this user`)),
        });
        unwritable.disk.writeProtection = undefined;
        await unwritable.open();
      }
    },
  );

  it("scenario 59: names the holder of a directory in use", async () => {
    const storage = new SimulatedStorage(5);
    await storage.open();
    await expect(storage.open()).rejects.toMatchObject({
      code: "DATA_DIR_LOCKED",
      message: expect.stringMatching(/^\/data is in use by .*: stop that one first/),
    });
  });

  it("is free again after a failed start, and after a kill", async () => {
    const storage = await usedDirectory();
    storage.disk.fail(({ kind }) => kind === "read", "EIO", 1);
    await expect(storage.open()).rejects.toBeInstanceOf(EngineError);
    await storage.open();
    storage.disk.kill();
    await storage.open();
  });
});

describe("making a data directory", () => {
  it.each(["powerLoss", "kill"] as const)(
    "scenario 58: a crash (%s) at any operation of it leaves one that starts",
    async (crash) => {
      let steps = Number.POSITIVE_INFINITY;
      for (let crashAt = 1; crashAt < steps; crashAt++) {
        for (let seed = 0; seed < 3; seed++) {
          let operations = 0;
          const storage = new SimulatedStorage(seed * 1000 + crashAt, undefined, {
            schedule: (_, run) => {
              operations++;
              if (operations === crashAt) storage.disk[crash]();
              else queueMicrotask(run);
            },
          });
          const opening = storage.open();
          await Promise.race([opening, settledTwice()]);
          const isOpen = operations < crashAt;
          if (isOpen) steps = crashAt;
          operations = Number.NEGATIVE_INFINITY;
          if (isOpen) storage.disk[crash]();
          const session = await storage.open();
          await session.persist({ entries: commandEntries(1, 3) });
          storage.disk.powerLoss();
          expect((await storage.open()).log.recovered.last.index).toBe(2);
        }
      }
      expect(steps).toBeGreaterThan(20);
    },
  );
});

async function settledTwice(): Promise<void> {
  await settled();
  await settled();
}

describe("seededRandom", () => {
  it("gives the same numbers for the same seed, spread over [0, 1)", () => {
    const [a, b] = [seededRandom(7), seededRandom(7)];
    const numbers = Array.from({ length: 1000 }, () => a.next());
    expect(numbers).toEqual(Array.from({ length: 1000 }, () => b.next()));
    const mean = numbers.reduce((sum, number) => sum + number, 0) / numbers.length;
    expect(mean).toBeGreaterThan(0.45);
    expect(mean).toBeLessThan(0.55);
    expect(Math.min(...numbers)).toBeGreaterThanOrEqual(0);
    expect(Math.max(...numbers)).toBeLessThan(1);
  });
});
