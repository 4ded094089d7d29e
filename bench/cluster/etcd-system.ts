import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { join } from "node:path";
import { Etcd3 } from "etcd3";
import type { AskedProcess } from "../asked-process.js";
import { figuresOf, startLoadProcess } from "./d-engine-system.js";
import { buildEtcdLoad, EtcdLoad } from "./etcd-load.js";
import { freeAddresses } from "./free-addresses.js";
import type { LoadAnswer, LoadRequest, Operation } from "./operations.js";
import type { Subject, System, SystemOptions } from "./system.js";

const readyTimeoutMs = 30_000;
const stopTimeoutMs = 10_000;

/** `3.4.23`; throws, saying how to get it, when etcd is not installed. */
export function etcdVersion(): string {
  const { stdout, error } = spawnSync("etcd", ["--version"], { encoding: "utf8" });
  const version = /etcd Version: (\S+)/.exec(stdout ?? "")?.[1];
  if (version === undefined) {
    throw new Error(`cannot run etcd (Debian: apt-get install etcd-server): ${error?.message}`);
  }
  return version;
}

/** etcd has no lease reads: its leader asks the others for every linearizable one. */
const operations: readonly Operation[] = ["put", "linearizable", "eventual"];

interface Loads {
  readonly etcd3: AskedProcess<LoadRequest, LoadAnswer>;
  /** Where Go and the sources of etcd's own client are installed. */
  readonly own: EtcdLoad | undefined;
}

/**
 * Three etcd processes as they are by default, every write synced, a process that reaches them
 * through the npm client `etcd3`, and one that uses etcd's own client. Both are given the leader
 * alone, in their favour: with three endpoints, two calls of three would go to nodes that pass
 * them on.
 */
export class EtcdSystem implements System {
  readonly #nodes: readonly ChildProcess[];
  readonly #loads: Loads;

  private constructor(nodes: readonly ChildProcess[], loads: Loads) {
    this.#nodes = nodes;
    this.#loads = loads;
  }

  static async start(
    options: SystemOptions,
    progress: (line: string) => void,
  ): Promise<EtcdSystem> {
    const built = buildEtcdLoad(options.folder);
    if ("missing" in built) progress(`etcd through its own client left out: ${built.missing}`);
    const peers = await freeAddresses(3);
    const endpoints = await freeAddresses(3);
    const cluster = peers.map((peer, at) => `node-${at + 1}=http://${peer}`).join(",");
    const nodes = peers.map((peer, at) => {
      const client = `http://${endpoints[at]}`;
      const args = ["--name", `node-${at + 1}`, "--initial-cluster", cluster];
      args.push("--data-dir", join(options.folder, `node-${at + 1}`), "--log-level", "error");
      args.push("--listen-peer-urls", `http://${peer}`);
      args.push("--initial-advertise-peer-urls", `http://${peer}`);
      args.push("--listen-client-urls", client, "--advertise-client-urls", client);
      return spawn("etcd", args, { stdio: "ignore" });
    });
    // They are no children that end with us: Ctrl-C must not leave them behind.
    process.once("exit", () => {
      for (const node of nodes) node.kill("SIGKILL");
    });
    try {
      const endpoint = await leaderOf(endpoints);
      const etcd3 = await startLoadProcess("etcd3", { kind: "etcd3", endpoint }, options);
      await etcd3.ask({ kind: "fill" });
      const { keys, valueBytes } = options;
      const own =
        "program" in built ? new EtcdLoad(built.program, endpoint, keys, valueBytes) : undefined;
      return new EtcdSystem(nodes, { etcd3, own });
    } catch (error) {
      for (const node of nodes) node.kill("SIGKILL");
      throw error;
    }
  }

  get pids(): readonly number[] {
    const { etcd3, own } = this.#loads;
    const loads = own === undefined ? [etcd3.pid] : [etcd3.pid, own.pid];
    return [...loads, ...this.#nodes.map(({ pid }) => pid ?? 0)];
  }

  get subjects(): readonly Subject[] {
    const { etcd3, own } = this.#loads;
    const throughEtcd3: Subject = {
      name: "etcd, etcd3",
      operations,
      load: async (operation, callers, durationMs) =>
        figuresOf(etcd3, await etcd3.ask({ kind: "load", operation, callers, durationMs })),
    };
    if (own === undefined) return [throughEtcd3];
    const load: Subject["load"] = (...settings) => own.load(...settings);
    return [throughEtcd3, { name: "etcd, own client", operations, load }];
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const { etcd3, own } = this.#loads;
    own?.end();
    await etcd3.ask({ kind: "close" }).catch(() => etcd3.kill());
    await etcd3.end();
    const stopped = this.#nodes.map(
      (node) =>
        new Promise<void>((resolve) => {
          if (node.exitCode !== null || node.signalCode !== null) return resolve();
          const force = setTimeout(() => node.kill("SIGKILL"), stopTimeoutMs);
          node.once("exit", () => {
            clearTimeout(force);
            resolve();
          });
          node.kill("SIGTERM");
        }),
    );
    await Promise.all(stopped);
  }
}

/** The endpoint of the member that leads, once there is one. */
async function leaderOf(endpoints: readonly string[]): Promise<string> {
  const untilMs = performance.now() + readyTimeoutMs;
  let last: unknown;
  while (performance.now() < untilMs) {
    for (const endpoint of endpoints) {
      const client = new Etcd3({ hosts: endpoint, dialTimeout: 1_000 });
      try {
        const { leader, header } = await client.maintenance.status();
        if (leader !== "0" && leader === header.member_id) return endpoint;
      } catch (error) {
        last = error;
      } finally {
        client.close();
      }
    }
  }
  throw new Error(`no etcd node leads within ${readyTimeoutMs} ms`, { cause: last });
}
