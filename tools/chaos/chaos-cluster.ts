import { mkdirSync } from "node:fs";
import { join } from "node:path";
import type { Host } from "./network/host.js";
import type { NodePlaces } from "./network/network.js";
import { type NodeExit, NodeProcess } from "./node-process.js";

export interface ChaosClusterOptions {
  readonly root: string;
  /** Holds a data directory and a log file for each node. */
  readonly folder: string;
  readonly nodeCount: number;
  readonly network: NodePlaces;
  readonly electionTimeoutMs: number;
  /** Told of an end that nobody asked for. */
  readonly onUnexpectedEnd: (problem: string) => void;
}

/** A life of a node began: from then on another process answers for it. */
export interface Life {
  readonly node: Host;
  readonly startedNs: bigint;
}

const startTimeoutMs = 60_000;
const closeTimeoutMs = 30_000;

/** The nodes of one cluster as processes of this machine. */
export class ChaosCluster {
  readonly nodes: readonly Host[];
  /** Every start, in order. */
  readonly lives: Life[] = [];
  /** How often a leader was elected. */
  elections = 0;
  readonly #options: ChaosClusterOptions;
  readonly #processes = new Map<Host, NodeProcess>();
  /** Processes that were asked to end, and those of them that were killed. */
  readonly #ending = new WeakSet<NodeProcess>();
  readonly #killed = new WeakSet<NodeProcess>();
  #leader: { readonly node: Host; readonly term: number } | undefined;
  #leaderListeners: (() => void)[] = [];

  constructor(options: ChaosClusterOptions) {
    this.#options = options;
    this.nodes = Array.from({ length: options.nodeCount }, (_, at) => at + 1);
  }

  /** The node that was elected last, if its process still runs. */
  get leader(): Host | undefined {
    const leader = this.#leader;
    return leader !== undefined && this.isUp(leader.node) ? leader.node : undefined;
  }

  isUp(node: Host): boolean {
    const process = this.#processes.get(node);
    return process !== undefined && !process.hasEnded && !this.#ending.has(process);
  }

  /** The term of the newest leader that a node said it was. */
  get term(): number {
    return this.#leader?.term ?? 0;
  }

  /** The process that runs for this node now. */
  process(node: Host): NodeProcess | undefined {
    const process = this.#processes.get(node);
    return process?.hasEnded === false ? process : undefined;
  }

  dataDir(node: Host): string {
    return join(this.#options.folder, `node-${node}`);
  }

  /** Starts the node unless it runs; resolves when it can be reached, or was ended meanwhile. */
  async start(node: Host, moreArgs: readonly string[] = []): Promise<void> {
    const running = this.#processes.get(node);
    if (running !== undefined) {
      if (this.isUp(node)) return;
      await running.exited;
    }
    const { root, folder, network } = this.#options;
    mkdirSync(folder, { recursive: true });
    this.lives.push({ node, startedNs: process.hrtime.bigint() });
    const started = new NodeProcess({
      root,
      prefix: network.commandPrefix(node),
      args: [...this.#args(node), ...moreArgs],
      logFile: join(folder, `node-${node}.log`),
      onLeader: (term) => this.#elected(node, term),
    });
    this.#processes.set(node, started);
    network.joined(node, started.pid);
    void started.exited.then((exit) => this.#onExit(node, started, exit));
    await started.told("listening", startTimeoutMs).catch((error: unknown) => {
      if (!this.#ending.has(started)) throw error;
    });
  }

  /** Ends the process as if the machine had lost it; resolves when it is gone. */
  async kill(node: Host): Promise<boolean> {
    const running = this.process(node);
    if (running === undefined) return false;
    this.#ending.add(running);
    this.#killed.add(running);
    const hit = running.signal("SIGKILL");
    await running.exited;
    return hit;
  }

  /**
   * Asks the node to close, as an operator would; false when something else ended it before.
   * Rejects when it does not close cleanly in time.
   */
  async closeGracefully(node: Host): Promise<boolean> {
    const running = this.process(node);
    if (running === undefined) return false;
    this.#ending.add(running);
    running.signal("SIGTERM");
    const late = setTimeout(() => running.signal("SIGKILL"), closeTimeoutMs);
    const { code, signal } = await running.exited;
    clearTimeout(late);
    if (code === 0) return true;
    if (this.#killed.has(running)) return false;
    throw new Error(
      `node ${node}: SIGTERM ended it with ${signal ?? `code ${code}`}:\n${running.output}`,
    );
  }

  /** Resolves to the leader of a later election than those so far; `undefined` when it is late. */
  async nextLeader(timeoutMs: number): Promise<Host | undefined> {
    const { elections } = this;
    const elected = new Promise<void>((resolve) => this.#leaderListeners.push(resolve));
    const late = new Promise<void>((resolve) => setTimeout(resolve, timeoutMs).unref());
    await Promise.race([elected, late]);
    return this.elections > elections ? this.#leader?.node : undefined;
  }

  async killAll(): Promise<void> {
    await Promise.all(this.nodes.map((node) => this.kill(node)));
  }

  #args(node: Host): string[] {
    const { network, electionTimeoutMs } = this.#options;
    const members = this.nodes.map((id) => `${id}=${network.addressOf(id)}`).join(",");
    const heartbeatMs = Math.max(1, Math.round(electionTimeoutMs / 10));
    return [
      ...["--node-id", String(node), "--data-dir", this.dataDir(node)],
      ...["--listen", network.listenAddressOf(node), "--initial-cluster", members],
      ...["--election-timeout-ms", String(electionTimeoutMs)],
      ...["--heartbeat-interval-ms", String(heartbeatMs)],
    ];
  }

  #elected(node: Host, term: number): void {
    this.elections += 1;
    if (this.#leader !== undefined && term <= this.#leader.term) return;
    this.#leader = { node, term };
    for (const listener of this.#leaderListeners.splice(0)) listener();
  }

  #onExit(node: Host, ended: NodeProcess, { code, signal }: NodeExit): void {
    this.#options.network.left(ended.pid);
    if (this.#ending.has(ended)) return;
    this.#options.onUnexpectedEnd(
      `node ${node} ended by itself with ${signal ?? `code ${code}`}:\n${ended.output}`,
    );
  }
}
