import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { StandaloneEngine } from "../standalone-engine.js";

// What is built is run here, as a user would: build first.
const launcher = join(import.meta.dirname, "../../bin/d-engine.js");

let folder: string;
let server: StandaloneEngine;
const started: ChildProcess[] = [];
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), "held-"));
  server = await StandaloneEngine.start({
    dataDir: join(folder, "data"),
    listen: "127.0.0.1:0",
    segmentBytes: 4 * 1024 * 1024,
  });
  await server.engine.waitReady();
});
afterEach(async () => {
  for (const child of started.splice(0)) child.kill("SIGKILL");
  await server.close();
  rmSync(folder, { recursive: true, force: true });
});

interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a command line of ours; `child` can be signalled. */
function run(...args: string[]): { child: ChildProcess; ended: Promise<Ended>; out: () => string } {
  const [command = "", name = "", ...rest] = args;
  const endpoints = ["--endpoints", server.address];
  const child = spawn(process.execPath, [launcher, command, name, ...endpoints, ...rest]);
  started.push(child);
  let [stdout, stderr] = ["", ""];
  child.stdout.on("data", (text: Buffer) => {
    stdout += text.toString();
  });
  child.stderr.on("data", (text: Buffer) => {
    stderr += text.toString();
  });
  const ended = new Promise<Ended>((resolve) => {
    child.on("close", (code) => resolve({ code, stdout, stderr }));
  });
  return { child, ended, out: () => stdout };
}

/** Resolves when the command has printed this. */
async function printed(of: { out: () => string; child: ChildProcess }, text: string) {
  while (!of.out().includes(text)) {
    await new Promise<void>((resolve) => of.child.stdout!.once("data", () => resolve()));
  }
}

describe.each(["lock", "elect"])("d-engine %s", (kind) => {
  it("runs a command with its token, and ends with its code", async () => {
    const first = await run(
      kind,
      "x",
      "--",
      "sh",
      "-c",
      "echo $D_ENGINE_NAME $D_ENGINE_TOKEN; exit 7",
    ).ended;
    const second = await run(kind, "x", "--", "sh", "-c", "echo $D_ENGINE_NAME $D_ENGINE_TOKEN")
      .ended;
    expect([first.code, first.stderr, second.code]).toEqual([7, "", 0]);
    const tokens = [first, second].map(({ stdout }) => Number(stdout.split(" ")[1]));
    expect(tokens[1]).toBeGreaterThan(tokens[0]!);
  });

  it("runs one at a time, and the next when the first has ended", async () => {
    const file = join(folder, "order");
    const script = `echo in; echo in >> ${file}; read line; echo out >> ${file}`;
    const first = run(kind, "x", "--", "sh", "-c", script);
    await printed(first, "in");
    const second = run(kind, "x", "--", "sh", "-c", script);
    first.child.stdin!.end("go\n");
    expect((await first.ended).code).toBe(0);
    await printed(second, "in");
    second.child.stdin!.end("go\n");
    expect((await second.ended).code).toBe(0);
    expect(readFileSync(file, "utf8")).toBe("in\nout\nin\nout\n");
  });

  it("waits for so long and no longer, and leaves nothing behind when it is stopped", async () => {
    const holder = run(kind, "x", "--", "sh", "-c", "echo in; read line");
    await printed(holder, "in");
    const late = await run(kind, "x", "--wait", "300ms", "--", "echo", "never").ended;
    expect([late.code, late.stdout]).toEqual([1, ""]);
    expect(late.stderr).toMatch(/could not be had in 300 ms\n$/);
    holder.child.kill("SIGTERM");
    expect((await holder.ended).code).toBe(128 + 15);
    expect((await run(kind, "x", "--wait", "5s", "--", "echo", "mine").ended).stdout).toBe(
      "mine\n",
    );
  });

  it("says what it cannot run, in one line", async () => {
    const none = await run(kind, "x", "--", "no-such-program").ended;
    expect(none.code).toBe(1);
    expect(none.stderr).toBe("d-engine: cannot run no-such-program: there is no such program\n");
  });

  it("stops the command and ends with 5 when what it holds is lost", async () => {
    const script = "trap 'echo stopped; exit 0' TERM; echo in; while :; do sleep 0.05; done";
    const holder = run(kind, "x", "--ttl", "1s", "--kill-after", "5s", "--", "sh", "-c", script);
    await printed(holder, "in");
    // Stopped for longer than its time, as a laptop that was closed.
    holder.child.kill("SIGSTOP");
    await run(kind, "x", "--", "echo", "next").ended;
    holder.child.kill("SIGCONT");
    const { code, stdout, stderr } = await holder.ended;
    expect([code, stdout]).toEqual([5, "in\nstopped\n"]);
    expect(stderr).toContain("another may have it");
  });
});

it("the help of lock and elect says what becomes of the command", () => {
  for (const kind of ["lock", "elect"]) {
    const { stdout, status } = spawnSync(process.execPath, [launcher, kind, "--help"], {
      encoding: "utf8",
    });
    expect([status, stdout]).toEqual([0, expect.stringContaining("--wait")]);
  }
});
