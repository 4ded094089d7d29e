import * as fs from "node:fs/promises";
import * as os from "node:os";
import * as path from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { FileSystem } from "../file-system.js";
import { seededRandom } from "../testing/seeded-random.js";
import { SimulatedDisk } from "../testing/simulated-disk.js";
import { nodeFileSystem } from "./node-file-system.js";

interface Place {
  readonly fileSystem: FileSystem;
  readonly root: string;
  readonly remove: () => Promise<void>;
}

async function realPlace(): Promise<Place> {
  const root = await fs.mkdtemp(path.join(os.tmpdir(), "d-engine-fs-"));
  return { fileSystem: nodeFileSystem, root, remove: () => fs.rm(root, { recursive: true }) };
}

async function simulatedPlace(): Promise<Place> {
  const { fileSystem } = new SimulatedDisk({ random: seededRandom(1) });
  await fileSystem.mkdir("/root");
  return { fileSystem, root: "/root", remove: async () => undefined };
}

describe.each([
  { name: "nodeFileSystem", make: realPlace },
  { name: "SimulatedDisk", make: simulatedPlace },
])("$name as a file system", ({ make }) => {
  let place: Place;

  beforeEach(async () => {
    place = await make();
  });

  afterEach(() => place.remove());

  it.each([true, false])(
    "reads back what was written, at any position (durable %s)",
    async (durable) => {
      const { fileSystem, root } = place;
      const file = await fileSystem.open(`${root}/a`, { access: "create", durable });
      const source = Uint8Array.from({ length: 3000 }, (_, i) => i);
      await file.write(source, 100, 2100, 700);
      await file.sync();
      const target = new Uint8Array(2010).fill(1);
      expect(await file.read(target, 10, 2000, 700)).toBe(2000);
      expect(target.subarray(10)).toEqual(source.subarray(100, 2100));
      expect(target[9]).toBe(1);
      expect(await file.read(target, 0, 100, 2690)).toBe(10);
      expect(await file.read(target, 0, 100, 2700)).toBe(0);
      expect(await fileSystem.stat(`${root}/a`)).toEqual({ kind: "file", bytes: 2700 });
      await file.close();
      await file.close();
      await expect(file.read(target, 0, 1, 0)).rejects.toMatchObject({ code: "EBADF" });
    },
  );

  it("empties an existing file when it is created again", async () => {
    const { fileSystem, root } = place;
    for (const bytes of [100, 0]) {
      const file = await fileSystem.open(`${root}/a`, { access: "create", durable: false });
      await file.write(new Uint8Array(bytes), 0, bytes, 0);
      await file.close();
      expect((await fileSystem.stat(`${root}/a`))?.bytes).toBe(bytes);
    }
  });

  it("renames over an existing file, and unlinks", async () => {
    const { fileSystem, root } = place;
    for (const name of ["a", "b"]) {
      const file = await fileSystem.open(`${root}/${name}`, { access: "create", durable: false });
      await file.write(new TextEncoder().encode(name), 0, 1, 0);
      await file.close();
    }
    await fileSystem.rename(`${root}/a`, `${root}/b`);
    await fileSystem.syncDirectory(root);
    expect(await fileSystem.readdir(root)).toEqual(["b"]);
    const file = await fileSystem.open(`${root}/b`, { access: "read", durable: false });
    const target = new Uint8Array(1);
    await file.read(target, 0, 1, 0);
    await file.close();
    expect(new TextDecoder().decode(target)).toBe("a");
    await fileSystem.unlink(`${root}/b`);
    expect(await fileSystem.readdir(root)).toEqual([]);
  });

  it("makes directories with their parents, and again", async () => {
    const { fileSystem, root } = place;
    for (let round = 0; round < 2; round++) {
      await fileSystem.mkdir(`${root}/x/y/z`);
      expect(await fileSystem.stat(`${root}/x/y`)).toMatchObject({ kind: "directory" });
      expect(await fileSystem.readdir(`${root}/x/y`)).toEqual(["z"]);
    }
  });

  it("rejects with ENOENT for what is not there", async () => {
    const { fileSystem, root } = place;
    const absent = `${root}/absent`;
    const noEntry = { code: "ENOENT" };
    await expect(fileSystem.open(absent, { access: "read", durable: false })).rejects.toMatchObject(
      noEntry,
    );
    await expect(
      fileSystem.open(absent, { access: "readWrite", durable: true }),
    ).rejects.toMatchObject(noEntry);
    await expect(fileSystem.rename(absent, `${root}/b`)).rejects.toMatchObject(noEntry);
    await expect(fileSystem.unlink(absent)).rejects.toMatchObject(noEntry);
    await expect(fileSystem.readdir(absent)).rejects.toMatchObject(noEntry);
    expect(await fileSystem.stat(absent)).toBeUndefined();
  });
});

describe("nodeFileSystem.mkdir", () => {
  it.runIf(process.platform === "linux")(
    "rejects where the system lets nothing be made, instead of trying for ever",
    async () => {
      const noPlace = "/proc/d-engine-test";
      await expect(nodeFileSystem.mkdir(noPlace)).rejects.toMatchObject({ code: "ENOENT" });
      await expect(nodeFileSystem.mkdir(`${noPlace}/x/y`)).rejects.toMatchObject({
        code: "ENOENT",
      });
    },
  );

  it.each([
    { name: "a file", below: "", code: "EEXIST" },
    { name: "a path below a file", below: "/data", code: "ENOTDIR" },
  ])("rejects $name", async ({ below, code }) => {
    const { root, remove } = await realPlace();
    await fs.writeFile(`${root}/file`, "");
    await expect(nodeFileSystem.mkdir(`${root}/file${below}`)).rejects.toMatchObject({ code });
    await remove();
  });
});
