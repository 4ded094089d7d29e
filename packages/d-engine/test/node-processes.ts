import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { freePort } from "../../server/test/free-port.js";

// What is built is run here, as a user would: build first.
const launcher = join(import.meta.dirname, "../bin/d-engine.js");
const endWithinMs = 20_000;

export interface Ended {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** One run of the command line, and what it has written. */
export class CommandProcess {
  readonly child: ChildProcess;
  readonly ended: Promise<Ended>;
  stdout = "";
  stderr = "";
  #wake: () => void = () => undefined;

  constructor(args: readonly string[]) {
    const child = spawn(launcher, args, { stdio: ["ignore", "pipe", "pipe"] });
    this.child = child;
    child.stdout.setEncoding("utf8").on("data", (text: string) => {
      this.stdout += text;
      this.#wake();
    });
    child.stderr.setEncoding("utf8").on("data", (text: string) => {
      this.stderr += text;
    });
    this.ended = new Promise((resolve) => {
      child.once("close", (status) => {
        resolve({ status, stdout: this.stdout, stderr: this.stderr });
        this.#wake();
      });
    });
  }

  /** Resolves when the node says that it serves; rejects when it ends before. */
  ready(): Promise<this> {
    return this.says(/npx d-engine status/);
  }

  /** Resolves when it has written this; rejects when it ends before. */
  async says(what: RegExp): Promise<this> {
    while (!what.test(this.stdout)) {
      if (this.child.exitCode !== null || this.child.signalCode !== null) {
        throw new Error(`ended with ${this.child.exitCode}: ${this.stdout}${this.stderr}`);
      }
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
    return this;
  }

  kill(signal: NodeJS.Signals): Promise<Ended> {
    this.child.kill(signal);
    return this.ended;
  }
}

/** Nodes with an id, an address and a directory each, all of them ended and removed together. */
export class NodeProcesses implements AsyncDisposable {
  readonly folder = mkdtempSync(join(tmpdir(), "cli-nodes-"));
  readonly #addresses: readonly string[];
  readonly #running = new Map<number, CommandProcess>();

  private constructor(addresses: readonly string[]) {
    this.#addresses = addresses;
  }

  static async of(count: number): Promise<NodeProcesses> {
    const addresses: string[] = [];
    while (addresses.length < count) addresses.push(`127.0.0.1:${await freePort()}`);
    return new NodeProcesses(addresses);
  }

  /** `host:port` of each of these nodes, or of all. */
  addresses(ids = this.#addresses.map((_, at) => at + 1)): string[] {
    return ids.map((id) => this.#addresses[id - 1] ?? "");
  }

  initialCluster(ids: readonly number[]): string {
    return ids.map((id) => `${id}=${this.#addresses[id - 1]}`).join(",");
  }

  dataDir(id: number): string {
    return join(this.folder, String(id));
  }

  /** Starts a node; whether it gets ready is for the caller to wait for. */
  start(id: number, ...more: readonly string[]): CommandProcess {
    const own = ["--data-dir", this.dataDir(id), "--listen", this.#addresses[id - 1] ?? ""];
    return this.startWith(id, ...own, "--node-id", String(id), ...more);
  }

  /** Starts a node with these arguments alone. */
  startWith(id: number, ...args: readonly string[]): CommandProcess {
    const node = new CommandProcess(["start", ...args]);
    this.#running.set(id, node);
    return node;
  }

  /** Ends a running node as an operator does; resolves with how it ended. */
  async stop(id: number): Promise<Ended> {
    const node = this.#running.get(id);
    if (node === undefined) throw new Error(`node ${id} was never started`);
    node.child.kill("SIGTERM");
    return await node.ended;
  }

  /** Starts all of these nodes as the first members of a cluster; resolves when they serve. */
  async found(ids: readonly number[]): Promise<void> {
    const first = ["--initial-cluster", this.initialCluster(ids)];
    await Promise.all(ids.map((id) => this.start(id, ...first).ready()));
  }

  signal(id: number, signal: NodeJS.Signals): void {
    this.#running.get(id)?.child.kill(signal);
  }

  /** Kills these nodes with `kill -9`; resolves when they have ended. */
  async crash(ids: readonly number[]): Promise<void> {
    await Promise.all(ids.map((id) => this.#running.get(id)?.kill("SIGKILL")));
  }

  /** Runs one other command to its end. */
  async run(...args: readonly string[]): Promise<Ended> {
    const command = new CommandProcess(args);
    const timer = setTimeout(() => command.child.kill("SIGKILL"), endWithinMs);
    const ended = await command.ended;
    clearTimeout(timer);
    return ended;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.crash([...this.#running.keys()]);
    rmSync(this.folder, { recursive: true, force: true });
  }
}
