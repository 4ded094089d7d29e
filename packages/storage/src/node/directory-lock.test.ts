import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import * as fs from "node:fs/promises";
import * as os from "node:os";
import * as path from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { DirectoryLock } from "../file-system.js";
import { lockDirectory } from "./directory-lock.js";

/** Another process that holds the lock, as far as its socket shows. */
const holderScript = `
  const server = require("net").createServer((s) => s.write(process.pid + "\\nheld\\n"));
  server.listen(process.argv[1], () => console.log("listening"));
`;

describe.skipIf(process.platform === "win32")("lockDirectory", () => {
  let directory: string;
  let locks: DirectoryLock[];
  let children: ChildProcess[];

  beforeEach(async () => {
    directory = await fs.mkdtemp(path.join(os.tmpdir(), "d-engine-lock-"));
    locks = [];
    children = [];
  });

  afterEach(async () => {
    for (const child of children) child.kill("SIGKILL");
    for (const lock of locks) await lock.release();
    await fs.rm(directory, { recursive: true });
  });

  async function take(): Promise<"locked" | string | undefined> {
    const outcome = await lockDirectory(directory);
    if (outcome.kind === "held") return outcome.holder;
    locks.push(outcome.lock);
    return "locked";
  }

  async function otherProcess(name = "0000000000000000"): Promise<ChildProcess> {
    const child = spawn(process.execPath, ["-e", holderScript, path.join(directory, name)]);
    children.push(child);
    await once(child.stdout!, "data");
    return child;
  }

  async function kill(child: ChildProcess): Promise<void> {
    const exited = once(child, "exit");
    child.kill("SIGKILL");
    await exited;
  }

  it("scenario 59: is held once in a process, and names it", async () => {
    expect(await take()).toBe("locked");
    expect(await take()).toBe(`process ${process.pid}`);
  });

  it("is free after a release, and leaves nothing behind", async () => {
    for (let round = 0; round < 3; round++) {
      expect(await take()).toBe("locked");
      await locks[round]!.release();
      await locks[round]!.release();
    }
    expect(await fs.readdir(directory)).toEqual([]);
  });

  it.each([
    { name: "a lower", id: "0000000000000000" },
    { name: "a higher", id: "ffffffffffffffff" },
  ])("scenario 59: is refused while another process with $name id has it", async ({ id }) => {
    const child = await otherProcess(id);
    expect(await take()).toBe(`process ${child.pid}`);
    expect(await fs.readdir(directory)).toEqual([id]);
  });

  it("scenario 49: is free after kill -9 of its holder", async () => {
    const child = await otherProcess();
    expect(await take()).not.toBe("locked");
    await kill(child);
    expect(await fs.readdir(directory)).toHaveLength(1);
    expect(await take()).toBe("locked");
    expect(await fs.readdir(directory)).toHaveLength(1);
  });

  it("scenario 60: is refused while its holder is stopped", async () => {
    const child = await otherProcess();
    child.kill("SIGSTOP");
    expect(await take()).not.toBe("locked");
    child.kill("SIGCONT");
  });

  it("has exactly one winner when many try at once, over remains of dead ones", async () => {
    await kill(await otherProcess("0123456789abcdef"));
    await fs.writeFile(path.join(directory, "fedcba9876543210.tmp"), "");
    for (let round = 0; round < 40; round++) {
      const outcomes = await Promise.all(Array.from({ length: 12 }, () => take()));
      expect(outcomes.filter((outcome) => outcome === "locked")).toHaveLength(1);
      expect(await fs.readdir(directory)).toHaveLength(1);
      await locks.pop()!.release();
    }
  });

  it("is refused at once, whatever ids are drawn", { timeout: 4_000 }, async () => {
    expect(await take()).toBe("locked");
    for (let attempt = 0; attempt < 12; attempt++) {
      expect(await take()).toBe(`process ${process.pid}`);
    }
  });

  it("works at the end of a path that is longer than a socket's may be", async () => {
    const deep = path.join(directory, "x".repeat(120), "y".repeat(120));
    await fs.mkdir(deep, { recursive: true });
    const outcome = await lockDirectory(deep);
    expect(outcome.kind).toBe("locked");
    if (outcome.kind === "locked") locks.push(outcome.lock);
    expect((await lockDirectory(deep)).kind).toBe("held");
  });

  it("rejects with the system's error for a directory that is not there", async () => {
    await expect(lockDirectory(path.join(directory, "absent"))).rejects.toMatchObject({
      code: "ENOENT",
    });
  });
});
