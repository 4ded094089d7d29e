import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { Prng } from "@d-engine/simulator";
import { ChaosCluster } from "../chaos-cluster.js";
import type { Host } from "../network/host.js";
import { ProxyNetwork } from "../network/proxy-network.js";

const root = join(import.meta.dirname, "..", "..", "..");
const pollMs = 20;

/** Several nodes as processes with a network between them that can be cut. For one test. */
export class TestCluster implements AsyncDisposable {
  readonly network: ProxyNetwork;
  readonly cluster: ChaosCluster;
  readonly electionTimeoutMs: number;
  /** Ends of processes that the test did not ask for. */
  readonly unexpected: string[] = [];
  readonly #folder: string;

  private constructor(network: ProxyNetwork, nodeCount: number, electionTimeoutMs: number) {
    this.network = network;
    this.electionTimeoutMs = electionTimeoutMs;
    this.#folder = mkdtempSync(join(tmpdir(), "d-engine-scenario-"));
    this.cluster = new ChaosCluster({
      root,
      folder: this.#folder,
      nodeCount,
      network,
      electionTimeoutMs,
      onUnexpectedEnd: (problem) => this.unexpected.push(problem),
    });
  }

  /** Starts all nodes and waits until each knows a leader. */
  static async start(nodeCount = 3, electionTimeoutMs = 1000): Promise<TestCluster> {
    const network = await ProxyNetwork.open(nodeCount, new Prng(Date.now()));
    const started = new TestCluster(network, nodeCount, electionTimeoutMs);
    try {
      await Promise.all(started.cluster.nodes.map((node) => started.cluster.start(node)));
      for (const node of started.cluster.nodes) {
        await started.cluster.process(node)!.told("ready", 60_000);
      }
      return started;
    } catch (error) {
      await started[Symbol.asyncDispose]();
      throw error;
    }
  }

  get leader(): Host {
    const { leader } = this.cluster;
    if (leader === undefined) throw new Error("no node leads");
    return leader;
  }

  get followers(): readonly Host[] {
    return this.cluster.nodes.filter((node) => node !== this.leader);
  }

  addresses(nodes: readonly Host[] = this.cluster.nodes): string[] {
    return nodes.map((node) => this.network.addressOf(node));
  }

  /** Nothing passes between these nodes; clients see both. */
  async cutBetween(some: readonly Host[], others: readonly Host[]): Promise<void> {
    for (const one of some) {
      for (const other of others) {
        await this.network.block(one, other);
        await this.network.block(other, one);
      }
    }
  }

  async heal(): Promise<void> {
    for (const one of this.cluster.nodes) {
      for (const other of this.cluster.nodes) await this.network.unblock(one, other);
    }
  }

  /** What all nodes that run have printed, for patterns and for people. */
  get output(): string {
    return this.cluster.nodes
      .map((node) => `node ${node}:\n${this.cluster.process(node)?.output ?? "does not run"}`)
      .join("\n");
  }

  /** Rejects, with what the nodes say about it, if there is an election within this time. */
  async expectNoElection(timeouts: number): Promise<void> {
    const before = this.cluster.elections;
    await pause(timeouts * this.electionTimeoutMs);
    if (this.cluster.elections === before) return;
    throw new Error(`an election within ${timeouts} election timeouts:\n${this.output}`);
  }

  /** Resolves when `condition` holds; rejects, saying what was awaited, when it is late. */
  async until(what: string, condition: () => boolean, timeoutMs = 30_000): Promise<void> {
    const deadlineMs = performance.now() + timeoutMs;
    while (!condition()) {
      if (performance.now() > deadlineMs) throw new Error(`${what}: not within ${timeoutMs} ms`);
      await pause(pollMs);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.cluster.killAll();
    await this.network.close();
    rmSync(this.#folder, { recursive: true, force: true });
  }
}
