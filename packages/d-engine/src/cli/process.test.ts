import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { freePort } from "../../../server/test/free-port.js";

// What is built is run here, as a user would: build first.
const launcher = join(import.meta.dirname, "../../bin/d-engine.js");

let folder: string;
let listen: string;
const started: ChildProcess[] = [];
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), "cli-process-"));
  listen = `127.0.0.1:${await freePort()}`;
});
afterEach(async () => {
  for (const child of started.splice(0)) await ended(child, "SIGKILL");
  rmSync(folder, { recursive: true, force: true });
});

describe("d-engine start", () => {
  it("says that it is ready, where the data is and what to type next", async () => {
    const node = await startNode();
    expect(node.out()).toMatch(
      new RegExp(
        `^starting from ${folder}/data …\\n` +
          "(?:re(?:ad|play)ing the log: .*\\n)*" + // said when a start takes long
          `ready: listening on ${listen}, node 1 leads in term 1\\n` +
          `data: {2}${folder}/data\\n` +
          "try, in another terminal.*\\n" +
          `  npx d-engine put greeting hello --endpoints ${listen}\\n` +
          `  npx d-engine get greeting --endpoints ${listen}\\n` +
          `  npx d-engine status --endpoints ${listen}\\n$`,
      ),
    );
  });

  it.each(["SIGINT", "SIGTERM"] as const)("closes cleanly on %s with code 0", async (signal) => {
    const node = await startNode();
    expect(await ended(node.child, signal)).toBe(0);
    expect(node.out()).toMatch(new RegExp(`${signal}: closing …\\nclosed cleanly\\n$`));
    expect(node.err()).toBe("");
  });

  it("keeps every acknowledged write over kill -9", async () => {
    let node = await startNode();
    for (const value of ["1", "2"]) {
      expect(cli("put", "k", value).status).toBe(0);
      await ended(node.child, "SIGKILL");
      node = await startNode();
      expect(cli("get", "k").stdout).toBe(`${value}\n`);
    }
  });

  it("prints one JSON object a line with --json", async () => {
    const node = await startNode("--json");
    await ended(node.child, "SIGTERM");
    const lines = node.out().trimEnd().split("\n");
    const dataDir = join(folder, "data");
    expect(lines.map((line) => JSON.parse(line))).toEqual([
      { event: "starting", dataDir },
      { event: "ready", address: listen, dataDir, nodeId: 1, leaderId: 1, term: 1 },
      { event: "closing", signal: "SIGTERM" },
      { event: "closed" },
    ]);
  });

  it("writes structured log lines to stderr when asked", async () => {
    const node = await startNode("--log-level", "info");
    await ended(node.child, "SIGTERM");
    const [first = ""] = node.err().split("\n");
    expect(JSON.parse(first)).toMatchObject({ name: "d-engine", level: 30 });
  });

  it("refuses a data directory in use, by name, in one line, with code 1", async () => {
    await startNode();
    const second = cli("start", "--data-dir", join(folder, "data"), "--listen", listen);
    expect(second.status).toBe(1);
    expect(second.stderr).toMatch(/^d-engine: [^\n]*\/data is in use[^\n]*\n$/);
  });

  it("refuses a busy port, by name, in one line, with code 1", async () => {
    const blocker = createServer();
    const [, port] = listen.split(":");
    await new Promise<void>((resolve) => blocker.listen(Number(port), "127.0.0.1", resolve));
    const result = cli("start", "--data-dir", join(folder, "data"), "--listen", listen);
    blocker.close();
    expect(result.status).toBe(1);
    expect(result.stderr).toMatch(new RegExp(`^d-engine: cannot listen on ${listen}: [^\\n]*\\n$`));
  });

  it("refuses a directory that cannot be made, in one line, with code 1", () => {
    writeFileSync(join(folder, "file"), "");
    const result = cli("start", "--data-dir", join(folder, "file/data"), "--listen", listen);
    expect(result.status).toBe(1);
    expect(result.stderr).toMatch(/^d-engine: [^\n]*file[^\n]*\n$/);
  });
});

describe("the other commands", () => {
  it("read standard input to its end and write bytes untouched", async () => {
    await startNode();
    const bytes = Buffer.from(Array.from({ length: 100_000 }, (_, at) => at % 256));
    const put = spawnSync(launcher, ["put", "k", "-", "-e", listen], { input: bytes });
    expect(put.status).toBe(0);
    const get = spawnSync(launcher, ["get", "k", "--raw", "-e", listen]);
    expect(get.stdout).toEqual(bytes);
  });
});

describe("backups and members", () => {
  it("bring a killed node's data back in a new directory", async () => {
    const node = await startNode();
    expect(cli("put", "k", "kept").status).toBe(0);
    const file = join(folder, "backup");
    expect(cli("snapshot", "save", file).status).toBe(0);
    await ended(node.child, "SIGKILL");
    rmSync(join(folder, "data"), { recursive: true });
    const data = ["--data-dir", join(folder, "data")];
    const restored = spawnSync(launcher, ["snapshot", "restore", file, ...data]);
    expect(restored.status).toBe(0);
    await startNode();
    expect(cli("get", "k").stdout).toBe("kept\n");
  }, 20_000);

  it("let a second node join while the first serves", async () => {
    await startNode();
    expect(cli("put", "k", "v").status).toBe(0);
    const second = `127.0.0.1:${await freePort()}`;
    const own = ["--data-dir", join(folder, "data-2"), "--listen", second, "--node-id", "2"];
    await startNode(...own, "--join", listen, "--join-as", "read-only");
    const { members } = JSON.parse(cli("member", "list", "--json").stdout);
    expect(members).toMatchObject([{ id: 1 }, { id: 2, address: second, status: "readOnly" }]);
  }, 20_000);

  it("let a node wait for the cluster that it joins", async () => {
    const second = `127.0.0.1:${await freePort()}`;
    const own = ["--data-dir", join(folder, "data-2"), "--listen", second, "--node-id", "2"];
    const joining = spawnNode(...own, "--join", listen, "--log-level", "info");
    await joining.says(/joining, asking again/);
    await startNode();
    await joining.says(/npx d-engine status/);
  }, 20_000);
});

interface Node {
  readonly child: ChildProcess;
  out(): string;
  err(): string;
  /** Resolves when it has written this; rejects when it ends before. */
  says(what: RegExp): Promise<void>;
}

/** Starts a node and waits until it says that it is ready. */
async function startNode(...more: readonly string[]): Promise<Node> {
  const node = spawnNode(...more);
  await node.says(/npx d-engine status|"ready"/);
  return node;
}

function spawnNode(...more: readonly string[]): Node {
  const args = ["start", "--data-dir", join(folder, "data"), "--listen", listen, ...more];
  const child = spawn(launcher, args, { stdio: ["ignore", "pipe", "pipe"] });
  started.push(child);
  let out = "";
  let err = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    out += text;
  });
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    err += text;
  });
  const says = (what: RegExp): Promise<void> =>
    new Promise((resolve, reject) => {
      const look = () => {
        if (what.test(out) || what.test(err)) resolve();
      };
      for (const stream of [child.stdout, child.stderr]) stream.on("data", look);
      const end = () => reject(new Error(`ended with ${child.exitCode}: ${out}${err}`));
      child.once("close", end);
      look();
      if (child.exitCode !== null) end();
    });
  return { child, out: () => out, err: () => err, says };
}

/** Runs one command to its end, against the node of this test unless it starts one. */
function cli(...args: readonly string[]): {
  status: number | null;
  stdout: string;
  stderr: string;
} {
  const endpoint = args[0] === "start" ? [] : ["--endpoints", listen];
  return spawnSync(launcher, [...args, ...endpoint], { encoding: "utf8", timeout: 20_000 });
}

/** Sends a signal and resolves with the exit code; at once for a process that has ended. */
function ended(child: ChildProcess, signal: NodeJS.Signals): Promise<number | null> {
  if (child.exitCode !== null || child.signalCode !== null) return Promise.resolve(child.exitCode);
  return new Promise((resolve) => {
    child.once("close", resolve);
    child.kill(signal);
  });
}
