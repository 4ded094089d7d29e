import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer, type Server } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it, onTestFinished } from "vitest";
import { freePort } from "./crash-test/node-process.js";

const root = join(import.meta.dirname, "..");

let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "npm-start-"));
});

afterEach(() => rmSync(folder, { recursive: true, force: true }));

interface Started {
  readonly child: ChildProcess;
  output(): string;
  /** Resolves when the output matches, rejects when the process ends before. */
  says(pattern: RegExp): Promise<void>;
  readonly exited: Promise<number | null>;
}

/** Runs `npm start` in a process group of its own, as a terminal does. */
function npmStart(...args: readonly string[]): Started {
  const child = spawn("npm", ["start", "--", ...args], {
    cwd: root,
    detached: true,
    stdio: ["ignore", "pipe", "pipe"],
  });
  let output = "";
  let look = (): void => undefined;
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding("utf8").on("data", (text: string) => {
      output += text;
      look();
    });
  }
  const exited = new Promise<number | null>((resolve) => child.once("close", resolve));
  onTestFinished(() => {
    if (groupLives(child)) process.kill(-child.pid!, "SIGKILL");
  });
  const says = async (pattern: RegExp) => {
    const said = new Promise<void>((resolve) => {
      look = () => {
        if (pattern.test(output)) resolve();
      };
      look();
    });
    const ended = exited.then((code) => {
      throw new Error(`ended with code ${code} before ${pattern}:\n${output}`);
    });
    await Promise.race([said, ended]);
  };
  return { child, output: () => output, says, exited };
}

/** Whether any process is left of those that npm, the shell and the node were. */
function groupLives(child: ChildProcess): boolean {
  try {
    process.kill(-child.pid!, 0);
    return true;
  } catch {
    return false; // ESRCH: the group is empty
  }
}

async function listenOn(port: number): Promise<Server> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(port, "127.0.0.1", resolve));
  onTestFinished(() => void server.close());
  return server;
}

const lastLine = (text: string) => text.trimEnd().split("\n").at(-1);

describe("npm start", () => {
  it("serves with the options it is given, and ends cleanly on Ctrl-C", async () => {
    const port = await freePort();
    const started = npmStart("--data-dir", folder, "--listen", `127.0.0.1:${port}`);
    await started.says(/\bready\b/i);
    expect(started.output()).toContain(`127.0.0.1:${port}`);
    expect(started.output()).toContain(folder);
    process.kill(-started.child.pid!, "SIGINT"); // to the whole group, as the terminal does
    await started.exited;
    expect(groupLives(started.child)).toBe(false);
    // A node that was not closed cleanly would find its last batch unsealed and say so.
    const again = npmStart("--data-dir", folder, "--listen", `127.0.0.1:${port}`);
    await again.says(/\bready\b/i);
    process.kill(-again.child.pid!, "SIGINT");
    await again.exited;
  });

  it("leaves no orphan behind when only npm is told to end", async () => {
    const port = await freePort();
    const started = npmStart("--data-dir", folder, "--listen", `127.0.0.1:${port}`);
    await started.says(/\bready\b/i);
    process.kill(started.child.pid!, "SIGTERM");
    // The pipes close when the last process that holds them is gone.
    await started.exited;
    expect(groupLives(started.child)).toBe(false);
  });

  it("refuses a directory that is in use, with one line and exit code 1", async () => {
    const first = npmStart("--data-dir", folder, "--listen", `127.0.0.1:${await freePort()}`);
    await first.says(/\bready\b/i);
    const second = npmStart("--data-dir", folder, "--listen", `127.0.0.1:${await freePort()}`);
    expect(await second.exited).toBe(1);
    expect(second.output()).toContain(folder);
    expect(lastLine(second.output())).toMatch(/in use/i);
    process.kill(-first.child.pid!, "SIGINT");
    await first.exited;
  });

  it("refuses a busy port with one line and exit code 1", async () => {
    const port = await freePort();
    await listenOn(port);
    const started = npmStart("--data-dir", folder, "--listen", `127.0.0.1:${port}`);
    expect(await started.exited).toBe(1);
    expect(lastLine(started.output())).toContain(`127.0.0.1:${port}`);
  });
});
