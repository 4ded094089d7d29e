import { type ChildProcess, spawn } from "node:child_process";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { connect } from "@d-engine/client";
import { freePort } from "../../packages/server/test/free-port.js";

const outputLinesMax = 1_000;
const readyTimeoutMs = 60_000;
const stopTimeoutMs = 15_000;
/** Patient, so that the leader stays while other tests keep the machine busy. */
const electionTimeoutMs = 3_000;

interface RunningNode {
  readonly address: string;
  readonly child: ChildProcess;
  readonly exited: Promise<void>;
  /** Resolves when the node says that there is a leader; rejects when it ends before. */
  readonly ready: Promise<void>;
}

/** Three nodes of one cluster, each a process started through the command line as a user would. */
export class ThreeNodes implements AsyncDisposable {
  readonly #nodes: readonly RunningNode[];
  readonly #output: string[];

  private constructor(nodes: readonly RunningNode[], output: string[]) {
    this.#nodes = nodes;
    this.#output = output;
  }

  /**
   * Starts the nodes with their data below `folder`. Resolves when all of them know a leader;
   * rejects with what they printed, and leaves none running, when that takes a minute.
   *
   * @param root of the checkout; its command line must be built
   */
  static async start(root: string, folder: string): Promise<ThreeNodes> {
    const ports = [await freePort(), await freePort(), await freePort()];
    const addresses = ports.map((port) => `127.0.0.1:${port}`);
    const cluster = addresses.map((address, at) => `${at + 1}=${address}`).join(",");
    const output: string[] = [];
    const nodes = addresses.map((address, at) => {
      const args = ["start", "--json", "--log-level", "info", "--initial-cluster", cluster];
      args.push("--election-timeout-ms", String(electionTimeoutMs));
      args.push("--node-id", String(at + 1), "--data-dir", join(folder, String(at + 1)));
      return run(root, address, args, output);
    });
    const started = new ThreeNodes(nodes, output);
    const deadline = new AbortController();
    const timer = setTimeout(() => deadline.abort(), readyTimeoutMs);
    const late = new Promise<never>((_, reject) => {
      deadline.signal.addEventListener("abort", () =>
        reject(new Error(`no leader within ${readyTimeoutMs} ms`)),
      );
    });
    try {
      await Promise.race([late, Promise.all(nodes.map(({ ready }) => ready))]);
    } catch (cause) {
      await started.stop();
      throw new Error(`the cluster did not start:\n${started.output}`, { cause });
    } finally {
      clearTimeout(timer);
    }
    return started;
  }

  /** What the nodes printed, the newest lines of it. */
  get output(): string {
    return this.#output.join("\n");
  }

  /** `host:port` of the nodes that run. */
  get addresses(): readonly string[] {
    return this.#running.map(({ address }) => address);
  }

  /** `host:port` of the nodes that run, the leader last: who starts at the first must be sent on. */
  async followersFirst(): Promise<readonly string[]> {
    const leader = await this.#leaderAddress();
    return [...this.addresses.filter((address) => address !== leader), leader];
  }

  /** Kills the leader with SIGKILL; resolves when it has ended. */
  async killLeader(): Promise<void> {
    const leader = await this.#leaderAddress();
    const node = this.#running.find(({ address }) => address === leader);
    node?.child.kill("SIGKILL");
    await node?.exited;
  }

  /** Stops every node that still runs. */
  async stop(): Promise<void> {
    const running = this.#running;
    for (const { child } of running) child.kill("SIGTERM");
    const force = setTimeout(() => {
      for (const { child } of running) child.kill("SIGKILL");
    }, stopTimeoutMs);
    await Promise.all(running.map(({ exited }) => exited));
    clearTimeout(force);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }

  get #running(): readonly RunningNode[] {
    return this.#nodes.filter(({ child }) => child.exitCode === null && child.signalCode === null);
  }

  /** Connecting waits until there is a leader that can serve. */
  async #leaderAddress(): Promise<string> {
    await using client = await connect(this.addresses, { readyTimeoutMs });
    const leaderId = await client.getLeaderId();
    const leader = (await client.listMembers()).find(({ id }) => id === leaderId);
    if (leader === undefined) throw new Error(`node ${leaderId} leads, but is no member`);
    return leader.address;
  }
}

function run(root: string, address: string, args: string[], output: string[]): RunningNode {
  const main = join(root, "packages", "d-engine", "dist", "cli", "main.js");
  const child = spawn(process.execPath, [main, ...args], { stdio: ["ignore", "pipe", "pipe"] });
  const exited = new Promise<void>((resolve, reject) => {
    child.once("error", reject);
    child.once("close", () => resolve());
  });
  const ready = new Promise<void>((resolve, reject) => {
    const note = (line: string): void => {
      output.push(`${address} ${line}`);
      if (output.length > outputLinesMax) output.shift();
      if (line.startsWith('{"event":"ready"')) resolve();
    };
    for (const stream of [child.stdout, child.stderr]) {
      createInterface({ input: stream }).on("line", note);
    }
    exited.then(
      () => reject(new Error(`the node at ${address} ended before it was ready`)),
      reject,
    );
  });
  ready.catch(() => undefined); // told to whoever waits for it; a node may also end later
  return { address, child, exited, ready };
}
