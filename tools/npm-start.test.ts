import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer, type Server } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it, onTestFinished, vi } from "vitest";
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
    await started.says(/^ready\b/m);
    expect(started.output()).toContain(`127.0.0.1:${port}`);
    expect(started.output()).toContain(folder);
    process.kill(-started.child.pid!, "SIGINT"); // to the whole group, as the terminal does
    await started.exited;
    expect(lastLine(started.output())).toBe("closed cleanly");
    expect(groupLives(started.child)).toBe(false);
  });

  it("ends cleanly where one Ctrl-C arrives twice, from the terminal and from npm", async () => {
    // bash replaces itself by its last command: npm is then the parent of the node, and passes on
    // the signal that the terminal has sent to both.
    vi.stubEnv("npm_config_script_shell", "bash");
    onTestFinished(() => void vi.unstubAllEnvs());
    const port = await freePort();
    const started = npmStart("--data-dir", folder, "--listen", `127.0.0.1:${port}`);
    await started.says(/^ready\b/m);
    process.kill(-started.child.pid!, "SIGINT");
    await started.exited;
    expect(lastLine(started.output())).toBe("closed cleanly");
  });

  it("leaves no orphan behind when only npm is told to end", async () => {
    const port = await freePort();
    const started = npmStart("--data-dir", folder, "--listen", `127.0.0.1:${port}`);
    await started.says(/^ready\b/m);
    process.kill(started.child.pid!, "SIGTERM");
    // Its end is told when the pipes are closed, and the node holds them to its own end.
    await started.exited;
    expect(lastLine(started.output())).toBe("closed cleanly");
  });

  it("refuses a directory that is in use, with one line and exit code 1", async () => {
    const first = npmStart("--data-dir", folder, "--listen", `127.0.0.1:${await freePort()}`);
    await first.says(/^ready\b/m);
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
