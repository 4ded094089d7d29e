import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { join } from "node:path";
import { Etcd3 } from "etcd3";
import type { AskedProcess } from "../asked-process.js";
import { figuresOf, startLoadProcess } from "./d-engine-system.js";
import { freeAddresses } from "./free-addresses.js";
import type { LoadAnswer, LoadRequest } from "./operations.js";
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

/**
 * Three etcd processes as they are by default, every write synced, and a process that reaches them
 * through the npm client `etcd3`. That client is given the leader alone, in its favour: with three
 * endpoints it would send two calls of three to nodes that pass them on.
 */
export class EtcdSystem implements System {
  readonly #nodes: readonly ChildProcess[];
  readonly #client: AskedProcess<LoadRequest, LoadAnswer>;

  private constructor(
    nodes: readonly ChildProcess[],
    client: AskedProcess<LoadRequest, LoadAnswer>,
  ) {
    this.#nodes = nodes;
    this.#client = client;
  }

  static async start(options: SystemOptions): Promise<EtcdSystem> {
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
    try {
      const endpoint = await leaderOf(endpoints);
      const client = await startLoadProcess("etcd3", { kind: "etcd3", endpoint }, options);
      await client.ask({ kind: "fill" });
      return new EtcdSystem(nodes, client);
    } catch (error) {
      for (const node of nodes) node.kill("SIGKILL");
      throw error;
    }
  }

  get pids(): readonly number[] {
    return [this.#client.pid, ...this.#nodes.map(({ pid }) => pid ?? 0)];
  }

  get subjects(): readonly Subject[] {
    const client = this.#client;
    return [
      {
        name: "etcd, etcd3",
        operations: ["put", "linearizable", "eventual"],
        load: async (operation, callers, durationMs) =>
          figuresOf(client, await client.ask({ kind: "load", operation, callers, durationMs })),
      },
    ];
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#client.ask({ kind: "close" }).catch(() => this.#client.kill());
    await this.#client.end();
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
