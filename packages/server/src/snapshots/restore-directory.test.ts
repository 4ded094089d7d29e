import { createHash } from "node:crypto";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { sealedBackup } from "@d-engine/client";
import { encodePut, encodeSnapshotMeta, encodeSnapshotRecords, Slab } from "@d-engine/codec";
import { isEngineError, type LogIndex, nodeId, type Term } from "@d-engine/core";
import { KvStateMachine, RESTORED_REVISION_GAP } from "@d-engine/kv";
import { nodeFileStorage } from "@d-engine/storage";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { verifyBackup } from "./backup-file.js";
import { inspectSnapshot } from "./inspect-snapshot.js";
import { restoreDirectory } from "./restore-directory.js";

const initialCluster = { 1: "a:1", 2: "b:1", 3: "c:1" };
let folder: string;
let file: string;
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), "restore-"));
  file = join(folder, "backup");
  writeFileSync(file, await backup());
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

describe("verifyBackup", () => {
  it("knows a backup by the checksum at its end", async () => {
    const { bytes, checksum } = await verifyBackup(file);
    expect(bytes).toBe(snapshot().length);
    expect(checksum).toBe(createHash("sha256").update(snapshot()).digest("hex"));
  });

  it("refuses a flipped bit anywhere, and a file that was cut anywhere, by name", async () => {
    const whole = readFileSync(file);
    for (let at = 0; at < whole.length; at += 7) {
      const damaged = Buffer.from(whole);
      damaged[at]! ^= 1 << (at % 8);
      writeFileSync(file, damaged);
      await expectCorrupt(verifyBackup(file));
      writeFileSync(file, whole.subarray(0, at));
      await expectCorrupt(verifyBackup(file));
    }
  });

  it("refuses what is no file, with the reason", async () => {
    await expect(verifyBackup(join(folder, "no"))).rejects.toThrow(/cannot read .*no: ENOENT/);
    await expect(verifyBackup(folder)).rejects.toThrow(/it is no file/);
  });
});

describe("restoreDirectory (rule R19)", () => {
  it("makes the directory of a member of another cluster, with a new id and raised revision", async () => {
    const dataDir = join(folder, "data");
    const { identity } = await restoreDirectory({ file, dataDir, nodeId: 2, initialCluster });
    expect(identity.nodeId).toBe(2);
    expect(readdirSync(folder).sort()).toEqual(["backup", "data"]);
    const storage = await nodeFileStorage(dataDir).open({
      createIdentity: () => {
        throw new Error("the directory has one");
      },
    });
    expect(storage.identity).toEqual(identity);
    expect(storage.log.recovered).toMatchObject({
      hardState: { term: 3, votedFor: undefined },
      base: { term: 3, index: 41 },
      last: { term: 3, index: 41 },
    });
    const made = await storage.snapshots!.open(storage.snapshots!.newest!.lastIncluded);
    const summary = await inspectSnapshot(made.pieces(1000));
    expect(summary.store).toMatchObject({ revision: 10 + RESTORED_REVISION_GAP, keys: 10 });
    expect(summary.configuration?.members.map(({ id }) => id)).toEqual([1, 2, 3]);
    await made.close();
    await storage.close();
  });

  it("gives all members one cluster id, and other backups, members or tokens another", async () => {
    const idOf = async (name: string, options: object): Promise<string> => {
      const dataDir = join(folder, name);
      const given = { file, dataDir, initialCluster, ...options };
      return (await restoreDirectory(given)).identity.clusterId;
    };
    const first = await idOf("1", { nodeId: 1 });
    expect(await idOf("2", { nodeId: 2 })).toBe(first);
    expect(await idOf("3", { clusterToken: "x" })).not.toBe(first);
    expect(await idOf("4", { initialCluster: { 1: "a:1" } })).not.toBe(first);
    writeFileSync(file, await backup(9));
    expect(await idOf("5", {})).not.toBe(first);
  });

  it("refuses a directory with something in it, and leaves nothing behind", async () => {
    await expect(restoreDirectory({ file, dataDir: folder, initialCluster })).rejects.toThrow(
      /is not empty; a backup is restored into a directory of its own/,
    );
    writeFileSync(file, "something else, but as long as a backup at least, so not too short");
    const dataDir = join(folder, "data");
    await expectCorrupt(restoreDirectory({ file, dataDir, initialCluster }));
    expect(readdirSync(folder)).toEqual(["backup"]);
  });

  it("refuses a node that is not among the members", async () => {
    const dataDir = join(folder, "data");
    const made = restoreDirectory({ file, dataDir, nodeId: 7, initialCluster });
    await expect(made).rejects.toThrow(/node 7 is not in initial_cluster/);
    expect(readdirSync(folder)).toEqual(["backup"]);
  });

  it("takes an empty directory that is there, and clears away what a crash left", async () => {
    const dataDir = join(folder, "data");
    await restoreDirectory({ file, dataDir: `${dataDir}.restoring`, initialCluster });
    await restoreDirectory({ file, dataDir, initialCluster });
    expect(readdirSync(folder).sort()).toEqual(["backup", "data"]);
  });
});

async function expectCorrupt(promise: Promise<unknown>): Promise<void> {
  const error = await promise.then(
    () => undefined,
    (caught: unknown) => caught,
  );
  expect(isEngineError(error, "DATA_CORRUPTION")).toBe(true);
  expect(String(error)).toContain(file);
}

async function backup(keys?: number): Promise<Buffer> {
  const bytes = snapshot(keys);
  const checksum = createHash("sha256").update(bytes).digest("hex");
  const pieces: Uint8Array[] = [];
  for await (const piece of sealedBackup(one(bytes), checksum)) pieces.push(piece);
  return Buffer.concat(pieces);
}

async function* one(bytes: Uint8Array): AsyncIterable<Uint8Array> {
  yield bytes;
}

/** What a node's file holds, but for configuration and instances, which a restore replaces. */
function snapshot(keys = 10): Uint8Array {
  const store = new KvStateMachine();
  const slab = new Slab();
  const text = (value: string): Uint8Array => new TextEncoder().encode(value);
  for (let i = 1; i <= keys; i++) {
    store.apply(i as LogIndex, encodePut(slab, text(`k${i}`), text("v")));
  }
  const lastIncluded = { term: 3 as Term, index: 41 as LogIndex };
  const meta = { createdAtMs: 7, authorId: nodeId(2), lastIncluded };
  const frozen = store.snapshot();
  const parts = [encodeSnapshotMeta(meta)];
  for (let records = frozen.next(1e6); records.length > 0; records = frozen.next(1e6)) {
    parts.push(encodeSnapshotRecords(records));
  }
  return Buffer.concat(parts);
}
