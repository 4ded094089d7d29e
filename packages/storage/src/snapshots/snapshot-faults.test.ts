import type { SnapshotLabel, SnapshotStore } from "@d-engine/core";
import { describe, expect, it } from "vitest";
import { nodeSha256 } from "../node/node-sha256.js";
import { hexOf, sameBytes } from "../sha256.js";
import { commandEntries, type LogSession } from "../testing/log-session.js";
import { SimulatedStorage } from "../testing/simulated-storage.js";
import { contentIn, contentOf, createSnapshot, idAt } from "../testing/snapshot-content.js";
import { SYNC_BYTES } from "./snapshot-context.js";

const directory = "/data/snapshots";
const name = "snapshot-0000000000000001-0000000000000020.pb";
const path = `${directory}/${name}`;
const content = contentOf(3, 1500);

function storeOf(session: LogSession): SnapshotStore {
  return session.opened.snapshots!;
}

function hashOf(bytes: Uint8Array): Uint8Array {
  const hash = nodeSha256();
  hash.update(bytes);
  return hash.digest();
}

async function withSnapshot(seed: number): Promise<SimulatedStorage> {
  const storage = new SimulatedStorage(seed);
  const session = await storage.open();
  await session.persist({ entries: commandEntries(1, 31) });
  await createSnapshot(storeOf(session), idAt(20), content);
  await session.opened.close();
  return storage;
}

function namesIn(storage: SimulatedStorage): readonly string[] {
  const paths = storage.disk.paths().filter((other) => other.startsWith(`${directory}/`));
  return paths.map((other) => other.slice(directory.length + 1));
}

describe("a snapshot on the disk", () => {
  it("has its checksum beside it, as sha256sum reads it", async () => {
    const storage = await withSnapshot(1);
    expect(namesIn(storage)).toEqual([name, `${name}.sha256`]);
    const text = new TextDecoder().decode(storage.disk.contentOf(`${path}.sha256`));
    expect(text).toBe(`${hexOf(hashOf(content))}  ${name}\n`);
    expect(sameBytes(storage.disk.contentOf(path), content)).toBe(true);
  });

  it("scenario 54: is refused by name with any byte flipped", async () => {
    const storage = await withSnapshot(2);
    for (let at = 0; at < content.length; at += 101) {
      storage.disk.flip(path, at, 1 << (at % 8));
      const session = await storage.open();
      await expect(contentIn(storeOf(session), idAt(20)), `byte ${at}`).rejects.toMatchObject({
        code: "DATA_CORRUPTION",
        message: expect.stringMatching(new RegExp(`^${path} is damaged.*move it away`)),
      });
      await session.opened.close();
      storage.disk.flip(path, at, 1 << (at % 8));
    }
  });

  it("scenario 54: is refused by name with any byte of its checksum file flipped", async () => {
    const storage = await withSnapshot(3);
    const { length } = storage.disk.contentOf(`${path}.sha256`);
    for (let at = 0; at < length; at++) {
      storage.disk.flip(`${path}.sha256`, at, 1 << (at % 7));
      const reading = storage.open().then(async (session) => {
        await contentIn(storeOf(session), idAt(20)).finally(() => session.opened.close());
      });
      await expect(reading, `byte ${at}`).rejects.toMatchObject({
        code: "DATA_CORRUPTION",
        message: expect.stringContaining(path),
      });
      storage.disk.flip(`${path}.sha256`, at, 1 << (at % 7));
    }
    await storage.open();
  });

  it.each([
    {
      what: "cut short",
      damage: (disk: SimulatedStorage["disk"]) => disk.replace(path, content.slice(0, 1000)),
    },
    {
      what: "empty",
      damage: (disk: SimulatedStorage["disk"]) => disk.replace(path, new Uint8Array(0)),
    },
    {
      what: "longer",
      damage: (disk: SimulatedStorage["disk"]) => disk.replace(path, contentOf(3, 1501)),
    },
    {
      what: "without its checksum",
      damage: (disk: SimulatedStorage["disk"]) => disk.remove(`${path}.sha256`),
    },
  ])("is refused by name when it is $what", async ({ damage }) => {
    const storage = await withSnapshot(4);
    damage(storage.disk);
    const reading = storage.open().then((session) => contentIn(storeOf(session), idAt(20)));
    await expect(reading).rejects.toMatchObject({
      code: "DATA_CORRUPTION",
      message: expect.stringContaining(path),
    });
  });

  it("is not mixed up with what a crash or somebody else left beside it", async () => {
    const storage = await withSnapshot(5);
    const { fileSystem } = storage.disk;
    const orphan = "snapshot-0000000000000001-0000000000000025.pb";
    const partial = `${orphan.slice(0, -3)}.${"a".repeat(64)}.5000.partial`;
    const obsolete = `snapshot-0000000000000001-0000000000000019.${"a".repeat(64)}.5000.partial`;
    const foreign = ["backup.tar", "snapshot-1.pb", "snapshot-final.txt"];
    const left = [
      `${orphan}.7.tmp`,
      `${orphan}.sha256`,
      `${orphan}.sha256.tmp`,
      obsolete,
      `${obsolete}.mark`,
      `${partial}.mark`.replace("25.", "26."),
    ];
    for (const other of [...foreign, ...left, partial, `${partial}.mark`]) {
      await fileSystem.open(`${directory}/${other}`, { access: "create", durable: false });
    }
    const session = await storage.open();
    expect(storeOf(session).retained.map((label) => label.lastIncluded)).toEqual([idAt(20)]);
    const kept = [...foreign, name, `${name}.sha256`, partial, `${partial}.mark`];
    expect(namesIn(storage)).toEqual([...kept].sort());
    expect(storage.notices).toEqual(
      foreign.map((other) => `${directory}/${other} is not a snapshot; ignored`),
    );
  });

  it("scenario 58: is there for good once a start has found it", async () => {
    for (let seed = 10; seed < 40; seed++) {
      const storage = await withSnapshot(seed);
      // The new names are in the page cache only.
      const names = [name, `${name}.sha256`];
      const target = (other: string): string => `${directory}/${other.replace("20.", "30.")}`;
      const { fileSystem } = storage.disk;
      await fileSystem.rename(`${directory}/${names[0]}`, target(names[0]!));
      const line = `${hexOf(hashOf(content))}  ${name.replace("20.", "30.")}\n`;
      storage.disk.replace(`${directory}/${names[1]}`, new TextEncoder().encode(line));
      await fileSystem.rename(`${directory}/${names[1]}`, target(names[1]!));
      storage.disk.kill();
      const found = storeOf(await storage.open()).newest!.lastIncluded;
      expect(found).toEqual(idAt(30));
      storage.disk.powerLoss();
      expect(storeOf(await storage.open()).newest!.lastIncluded).toEqual(found);
    }
  });

  it("is not taken into a directory that lost its identity", async () => {
    const storage = await withSnapshot(6);
    storage.disk.remove("/data/identity.json");
    storage.disk.remove("/data/log/0000000000000001.log");
    for (const other of storage.disk.paths()) {
      if (other.startsWith("/data/log/")) storage.disk.remove(other);
    }
    await expect(storage.open()).rejects.toMatchObject({
      code: "DATA_CORRUPTION",
      message: expect.stringMatching(`${path}.*identity is lost`),
    });
  });
});

describe("a snapshot that is being received", () => {
  const large = contentOf(7, 2 * SYNC_BYTES + 100_000);
  const label: SnapshotLabel = {
    lastIncluded: idAt(90, 2),
    checksum: hashOf(large),
    bytes: large.length,
  };

  it("loses a bounded part of what came when the power goes", async () => {
    const storage = await withSnapshot(7);
    let session = await storage.open();
    const writer = await storeOf(session).receive(label);
    await writer.write(large.subarray(0, 2 * SYNC_BYTES + 50_000));
    storage.disk.powerLoss();
    session = await storage.open();
    const again = await storeOf(session).receive(label);
    expect(again.bytes).toBe(2 * SYNC_BYTES);
    await again.write(large.subarray(again.bytes));
    expect(await again.commit()).toEqual(label);
  });

  it("begins anew when what is there is not what was noted", async () => {
    const storage = await withSnapshot(8);
    let session = await storage.open();
    const writer = await storeOf(session).receive(label);
    await writer.write(large.subarray(0, 10_000));
    await session.opened.close();
    const partial = namesIn(storage).find((other) => other.endsWith(".partial"))!;
    for (const damaged of [partial, `${partial}.mark`]) {
      const image = storage.disk.contentOf(`${directory}/${damaged}`);
      storage.disk.flip(`${directory}/${damaged}`, 5);
      session = await storage.open();
      expect((await storeOf(session).receive(label)).bytes).toBe(0);
      storage.disk.kill();
      storage.disk.replace(`${directory}/${damaged}`, image);
    }
  });
});

describe("a disk that fails under a snapshot", () => {
  it.each(["sync", "rename", "syncDirectory", "write"] as const)(
    "scenario 55: a failed %s ends the attempt and harms nothing else",
    async (kind) => {
      const storage = await withSnapshot(20);
      const session = await storage.open();
      const writer = await storeOf(session).create(idAt(25));
      storage.disk.fail((op) => op.kind === kind && op.path.startsWith(directory), "EIO", 1);
      const making = writer.write(content).then(() => writer.commit());
      await expect(making).rejects.toMatchObject({ code: "STORAGE_IO_ERROR" });
      await expect(writer.commit()).rejects.toMatchObject({ code: "INVALID_REQUEST" });
      expect(storeOf(session).retained).toHaveLength(1);
      storage.disk.powerLoss();
      const again = await storage.open();
      expect(storeOf(again).newest!.lastIncluded).toEqual(idAt(20));
      expect(await contentIn(storeOf(again), idAt(20))).toEqual(content);
    },
  );

  it("scenario 55: a sync that failed meanwhile is not made good by the one at the end", async () => {
    const storage = await withSnapshot(21);
    const session = await storage.open();
    const bytes = new Uint8Array(SYNC_BYTES + 1000).fill(0x61);
    const label = { lastIncluded: idAt(25), checksum: hashOf(bytes), bytes: bytes.length };
    const writer = await storeOf(session).receive(label);
    storage.disk.fail((op) => op.kind === "sync" && op.path.startsWith(directory), "EIO", 1);
    // The first sync is under way when the last byte has been taken.
    await writer.write(bytes);
    await expect(writer.commit()).rejects.toMatchObject({ code: "STORAGE_IO_ERROR" });
    expect(storeOf(session).newest!.lastIncluded).toEqual(idAt(20));
  });

  it("scenario 56: older snapshots make room, once", async () => {
    const storage = await withSnapshot(21);
    const session = await storage.open();
    await createSnapshot(storeOf(session), idAt(25), contentOf(4, 1400));
    const writer = await storeOf(session).create(idAt(30));
    storage.disk.capacityBytes = storage.disk.usedBytes + 1000;
    await writer.write(content);
    expect(storeOf(session).retained.map(({ lastIncluded }) => lastIncluded.index)).toEqual([25]);
    const label = await writer.commit();
    expect(storeOf(session).newest).toEqual(label);
    expect(await contentIn(storeOf(await reopen(storage, session)), idAt(30))).toEqual(content);
  });

  it("scenario 56: refuses when there is no room even so, keeps the newest, heals", async () => {
    const storage = await withSnapshot(22);
    const session = await storage.open();
    await createSnapshot(storeOf(session), idAt(25), contentOf(4, 1400));
    const before = namesIn(storage);
    const writer = await storeOf(session).create(idAt(30));
    storage.disk.capacityBytes = storage.disk.usedBytes + 1000;
    await expect(writer.write(contentOf(5, 9000))).rejects.toMatchObject({
      code: "DISK_FULL",
      message: expect.stringMatching(`^${directory} has no room.*free some`),
    });
    expect(namesIn(storage)).toEqual(before.slice(2));
    expect(await contentIn(storeOf(session), idAt(25))).toEqual(contentOf(4, 1400));
    storage.disk.capacityBytes = Number.POSITIVE_INFINITY;
    await createSnapshot(storeOf(session), idAt(30), contentOf(5, 9000));
  });

  it.each(["rename", "sync", "open"] as const)(
    "scenario 56: a full disk at a %s is told as such and leaves nothing behind",
    async (kind) => {
      const storage = await withSnapshot(23);
      const session = await storage.open();
      const before = namesIn(storage);
      storage.disk.fail((op) => op.kind === kind && op.path.includes("30.pb"), "ENOSPC");
      const making = createSnapshot(storeOf(session), idAt(30), content);
      await expect(making).rejects.toMatchObject({ code: "DISK_FULL" });
      storage.disk.heal();
      const after = namesIn(await closed(storage, session));
      expect(after).toEqual(before);
    },
  );
});

async function reopen(storage: SimulatedStorage, session: LogSession): Promise<LogSession> {
  await session.opened.close();
  return storage.open();
}

/** After a start has cleaned up. */
async function closed(storage: SimulatedStorage, session: LogSession): Promise<SimulatedStorage> {
  await (await reopen(storage, session)).opened.close();
  return storage;
}
