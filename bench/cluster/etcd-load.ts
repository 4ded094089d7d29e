import { type ChildProcessByStdio, spawn, spawnSync } from "node:child_process";
import { existsSync, mkdirSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import type { Readable, Writable } from "node:stream";
import { fileURLToPath } from "node:url";
import type { LoadFigures, Operation } from "./operations.js";

/** Where Debian installs the sources of Go packages; nothing is downloaded. */
const systemGoPath = "/usr/share/gocode";
const buildTimeoutMs = 300_000;
// From `bench/dist/cluster`, where this runs, to the sources.
const sources = fileURLToPath(new URL("../../cluster/etcd-load", import.meta.url));

/** The load generator that uses etcd's own client, compiled, or why there is none. */
export type BuiltEtcdLoad = { readonly program: string } | { readonly missing: string };

/** Compiles it into `folder`; the first time Go compiles gRPC too, which takes a minute. */
export function buildEtcdLoad(folder: string): BuiltEtcdLoad {
  if (!existsSync(join(systemGoPath, "src/go.etcd.io/etcd/clientv3"))) {
    return { missing: "no sources of its client (Debian: golang-go, golang-etcd-server-dev)" };
  }
  const program = join(folder, "etcd-load");
  const goPath = join(folder, "go");
  mkdirSync(join(goPath, "src"), { recursive: true });
  symlinkSync(sources, join(goPath, "src/etcd-load"));
  const { status, stderr, error } = spawnSync("go", ["build", "-o", program, "etcd-load"], {
    cwd: join(goPath, "src"),
    env: {
      ...process.env,
      GO111MODULE: "off",
      GOPATH: `${goPath}:${systemGoPath}`,
      GOFLAGS: "",
    },
    encoding: "utf8",
    timeout: buildTimeoutMs,
  });
  if (status === 0) return { program };
  return { missing: `go build failed: ${error?.message ?? stderr}` };
}

/** The running load generator; one request at a time. */
export class EtcdLoad {
  readonly #child: ChildProcessByStdio<Writable, Readable, null>;
  readonly #lines: AsyncIterator<string>;

  constructor(program: string, endpoint: string, keys: number, valueBytes: number) {
    const args = [endpoint, String(keys), String(valueBytes)];
    this.#child = spawn(program, args, { stdio: ["pipe", "pipe", "inherit"] });
    this.#lines = createInterface({ input: this.#child.stdout })[Symbol.asyncIterator]();
  }

  get pid(): number {
    if (this.#child.pid === undefined) throw new Error("etcd-load was not started");
    return this.#child.pid;
  }

  async load(operation: Operation, callers: number, durationMs: number): Promise<LoadFigures> {
    this.#child.stdin.write(`${JSON.stringify({ operation, callers, durationMs })}\n`);
    const { done, value } = await this.#lines.next();
    if (done === true) throw new Error("etcd-load ended");
    return JSON.parse(value) as LoadFigures;
  }

  end(): void {
    this.#child.stdin.end();
  }

  kill(): void {
    this.#child.kill("SIGKILL");
  }
}
