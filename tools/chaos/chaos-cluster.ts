import { mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import type { Host } from "./network/host.js";
import type { NodePlaces } from "./network/network.js";
import { type NodeExit, NodeProcess } from "./node-process.js";

export interface ChaosClusterOptions {
  readonly root: string;
  /** Holds a data directory and a log file for each node. */
  readonly folder: string;
  /** Its first members are the hosts from 1 on. */
  readonly nodeCount: number;
  readonly network: NodePlaces;
  readonly electionTimeoutMs: number;
  /** More options of `d-engine start`, for every node. */
  readonly nodeArgs?: readonly string[];
  /** Told what nodes say in their logs. */
  readonly onLog?: (message: string) => void;
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
const pollMs = 20;

/** Whether a node that joins is to become a voter. */
export type JoinAs = "promotable" | "read-only";

/** The nodes of one cluster as processes of this machine. */
export class ChaosCluster {
  /** Every start, in order. */
  readonly lives: Life[] = [];
  /** How often a leader was elected. */
  elections = 0;
  readonly #options: ChaosClusterOptions;
  readonly #processes = new Map<Host, NodeProcess>();
  /** How each of the nodes came to the cluster, as options of `d-engine start`. */
  readonly #entries = new Map<Host, readonly string[]>();
  /** Nodes that are being removed, and those of them that have ended because of it. */
  readonly #leaving = new Set<Host>();
  readonly #removed = new Set<Host>();
  /** Processes that were asked to end, and those of them that were killed. */
  readonly #ending = new WeakSet<NodeProcess>();
  readonly #killed = new WeakSet<NodeProcess>();
  #leader: { readonly node: Host; readonly term: number } | undefined;
  #leaderListeners: (() => void)[] = [];

  constructor(options: ChaosClusterOptions) {
    this.#options = options;
    const founders = Array.from({ length: options.nodeCount }, (_, at) => at + 1);
    const members = founders.map((id) => `${id}=${options.network.addressOf(id)}`).join(",");
    for (const node of founders) this.#entries.set(node, ["--initial-cluster", members]);
  }

  /** The hosts on which a node is to run now: members, and who is on the way in or out. */
  get nodes(): readonly Host[] {
    return [...this.#entries.keys()].sort((a, b) => a - b);
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

  /**
   * Starts the node unless it runs, or has left; resolves when it can be reached, or was ended
   * meanwhile.
   */
  async start(node: Host, moreArgs: readonly string[] = []): Promise<void> {
    // Two may want to start it; whoever comes second finds it up.
    for (let last = this.#processes.get(node); last !== undefined; ) {
      if (this.isUp(node)) return;
      await last.exited;
      const now = this.#processes.get(node);
      if (now === last) break;
      last = now;
    }
    if (!this.#entries.has(node) || this.#removed.has(node)) return;
    const { root, folder, network } = this.#options;
    mkdirSync(folder, { recursive: true });
    this.lives.push({ node, startedNs: process.hrtime.bigint() });
    const started = new NodeProcess({
      root,
      prefix: network.commandPrefix(node),
      args: [...this.#args(node), ...moreArgs],
      logFile: join(folder, `node-${node}.log`),
      onLog: (message) => this.#onLog(node, message),
    });
    this.#processes.set(node, started);
    network.joined(node, started.pid);
    void started.exited.then((exit) => this.#onExit(node, started, exit));
    await started.told("listening", startTimeoutMs).catch((error: unknown) => {
      if (!this.#ending.has(started) && !this.#removed.has(node)) throw error;
    });
  }

  /** Starts a node in an empty directory that asks the others to be taken in. */
  async join(node: Host, as: JoinAs): Promise<void> {
    const { network } = this.#options;
    const others = this.nodes.map((member) => network.addressOf(member)).join(",");
    rmSync(this.dataDir(node), { recursive: true, force: true });
    this.#entries.set(node, ["--join", others, "--join-as", as]);
    await this.start(node);
  }

  /** From now on the node must end by itself when it hears that it was removed. */
  expectRemoval(node: Host): void {
    this.#leaving.add(node);
  }

  /** The node stays a member after all. */
  cancelRemoval(node: Host): void {
    this.#leaving.delete(node);
  }

  /**
   * The node is no member any more. Resolves to whether it ended by itself in time and said why;
   * it is killed otherwise. Its directory stays.
   */
  async removed(node: Host, timeoutMs: number): Promise<boolean> {
    const deadlineMs = performance.now() + timeoutMs;
    while (!this.#removed.has(node) && performance.now() < deadlineMs) await pause(pollMs);
    const endedByItself = this.#removed.has(node);
    this.#entries.delete(node);
    await this.kill(node);
    this.#leaving.delete(node);
    this.#removed.delete(node);
    return endedByItself;
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
    // No handler is there before the program runs.
    if (signal === "SIGTERM" && !running.output.includes('"event":"starting"')) return false;
    if (this.#killed.has(running) || this.#endedAsRemoved(node, running, code)) return false;
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
    const heartbeatMs = Math.max(1, Math.round(electionTimeoutMs / 10));
    return [
      ...["--node-id", String(node), "--data-dir", this.dataDir(node)],
      ...["--listen", network.listenAddressOf(node)],
      ...["--advertise", network.addressOf(node)],
      ...(this.#entries.get(node) ?? []),
      ...["--election-timeout-ms", String(electionTimeoutMs)],
      ...["--heartbeat-interval-ms", String(heartbeatMs), ...(this.#options.nodeArgs ?? [])],
    ];
  }

  #onLog(node: Host, message: string): void {
    const led = /^leader in term (\d+)/.exec(message);
    if (led !== null) this.#elected(node, Number(led[1]));
    this.#options.onLog?.(message);
  }

  #elected(node: Host, term: number): void {
    this.elections += 1;
    if (this.#leader !== undefined && term <= this.#leader.term) return;
    this.#leader = { node, term };
    for (const listener of this.#leaderListeners.splice(0)) listener();
  }

  #onExit(node: Host, ended: NodeProcess, { code, signal }: NodeExit): void {
    this.#options.network.left(ended.pid);
    if (this.#endedAsRemoved(node, ended, code) || this.#ending.has(ended)) return;
    this.#options.onUnexpectedEnd(
      `node ${node} ended by itself with ${signal ?? `code ${code}`}:\n${ended.output}`,
    );
  }

  /** Notes it, too. */
  #endedAsRemoved(node: Host, { output }: NodeProcess, code: number | null): boolean {
    const told = code === 1 && output.includes('"code":"NODE_REMOVED"');
    if (!told || !this.#leaving.has(node)) return false;
    this.#removed.add(node);
    return true;
  }
}
