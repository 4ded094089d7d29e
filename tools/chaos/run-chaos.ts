import { mkdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { checkHistory, Prng } from "@d-engine/simulator";
import { ChaosCluster } from "./chaos-cluster.js";
import { keysUntil } from "./clients/key-space.js";
import type { RecordedOperation } from "./clients/recorded-operation.js";
import { Site } from "./clients/site.js";
import { type CoordinationCounts, CoordinationRun } from "./coordination/coordination-run.js";
import {
  FAULT_NAMES,
  FAULTS,
  FaultDeck,
  type FaultName,
  possibleFaults,
} from "./faults/fault-deck.js";
import { checkFinalState } from "./final-state.js";
import { HistoryRecorder } from "./history-recorder.js";
import type { MembershipCounts } from "./membership/membership-counts.js";
import { MembershipRun } from "./membership/membership-run.js";
import { smallLogArgs } from "./membership/node-settings.js";
import { type SnapshotCounts, SnapshotTally } from "./membership/snapshot-tally.js";
import type { Network } from "./network/network.js";
import { openNetwork } from "./network/open-network.js";
import { Turns } from "./turns.js";

export interface ChaosOptions {
  /** The root of the checkout; its packages and this tool must be built. */
  readonly root: string;
  /** Holds data directories and logs; removed when nothing was found. */
  readonly folder: string;
  /** Where the history goes; in `folder` when not given. */
  readonly history: string | undefined;
  /** How long faults are injected, at least; every class comes up once in any case. */
  readonly minutes: number;
  readonly nodes: number;
  /** Nodes join and leave meanwhile, with logs so short that snapshots are installed often. */
  readonly membership: boolean;
  /** The most nodes that there are at a time when they join and leave. */
  readonly nodesMax: number;
  /** Locks, leases and watches are at work too, in processes that are stopped now and then. */
  readonly coordination: boolean;
  readonly seed: number;
  readonly network: Network["kind"];
  readonly electionTimeoutMs: number;
  /** The classes of faults to draw from; all that the network can make when not given. */
  readonly faults?: readonly FaultName[];
  /** Clients record wrong answers, which the run must find. */
  readonly sabotage: boolean;
  readonly progress: (line: string) => void;
}

export interface ChaosReport {
  readonly seed: number;
  readonly nodes: number;
  readonly network: Network["kind"];
  readonly seconds: number;
  readonly answered: number;
  readonly writes: number;
  readonly reads: number;
  readonly unknown: number;
  readonly refused: number;
  readonly elections: number;
  /** How often each class of fault hit. */
  readonly faults: Readonly<Record<FaultName, number>>;
  /** What was done to the members, if anything was to be. */
  readonly membership: Readonly<MembershipCounts> | undefined;
  readonly snapshots: Readonly<SnapshotCounts>;
  /** What holders, lessees and watchers saw, if there were any. */
  readonly coordination: CoordinationCounts | undefined;
  /** How often each kind of operation ended in each way. */
  readonly operations: Readonly<Record<string, number>>;
  /** One for each broken promise, and for each way in which the run proves too little. */
  readonly violations: readonly string[];
}

const clientsPerSite = 2;
const thinkMsMax = 40;
/** How often two faults happen at the same time. */
const overlapShare = 0.3;
const calmMs = 3_000;
const siteStopTimeoutMs = 30_000;
/** How much longer than asked a run goes on for what chance has not brought yet. */
const overtimeMsMax = 90_000;
const answeredPerSecondMin = 20;
const writesPerSecondMin = 5;

/**
 * Runs a cluster of real processes under load, breaks what can be broken in an order drawn from
 * the seed, and judges what all clients saw.
 */
export async function runChaos(options: ChaosOptions): Promise<ChaosReport> {
  await mkdir(options.folder, { recursive: true });
  const run = new ChaosRun(options);
  const report = await run.toTheEnd();
  if (report.violations.length === 0) await rm(options.folder, { recursive: true, force: true });
  else options.progress(`data, logs and history are kept in ${options.folder}`);
  return report;
}

class ChaosRun {
  readonly #options: ChaosOptions;
  readonly #random: Prng;
  readonly #startNs = process.hrtime.bigint();
  readonly #violations: string[] = [];
  readonly #hits: Record<FaultName, number>;
  readonly #turns = new Turns();
  readonly #snapshots = new SnapshotTally();
  #membership: MembershipRun | undefined;
  #coordination: CoordinationRun | undefined;
  /** How often every class of faults came up. */
  #rounds = 0;

  constructor(options: ChaosOptions) {
    this.#options = options;
    this.#random = new Prng(options.seed);
    const zeros = FAULT_NAMES.map((name) => [name, 0] as const);
    this.#hits = Object.fromEntries(zeros) as Record<FaultName, number>;
  }

  async toTheEnd(): Promise<ChaosReport> {
    const { root, folder, nodes, nodesMax, membership, electionTimeoutMs } = this.#options;
    const network = await openNetwork(
      this.#options.network,
      membership ? nodesMax : nodes,
      this.#random.split("network"),
    );
    const cluster = new ChaosCluster({
      root,
      folder,
      nodeCount: nodes,
      network,
      electionTimeoutMs,
      ...(membership ? { nodeArgs: smallLogArgs } : {}),
      onLog: (message) => this.#snapshots.heard(message),
      onUnexpectedEnd: (problem) => this.#violations.push(problem),
    });
    const historyFile = this.#options.history ?? join(folder, "history.jsonl");
    const history = new HistoryRecorder(historyFile, this.#startNs, cluster.lives);
    try {
      await Promise.all(cluster.nodes.map((node) => cluster.start(node)));
      await this.#load(cluster, network, history);
      await this.#verify(cluster, network, history);
    } catch (error) {
      this.#violations.push(error instanceof Error ? error.message : String(error));
    } finally {
      await this.#membership?.close();
      await cluster.killAll();
      await network.close();
      await history.close();
    }
    return this.#report(cluster, history);
  }

  /** Clients at work all the time, faults for most of it, then a while without. */
  async #load(cluster: ChaosCluster, network: Network, history: HistoryRecorder): Promise<void> {
    const sites = this.#startSites(cluster, network, history);
    this.#coordination = this.#startCoordination(cluster, network);
    try {
      this.#membership = this.#startMembership(cluster, network);
      try {
        await this.#faults(cluster, network, history);
      } finally {
        await this.#membership?.stop();
      }
      this.#note("all is put right; the load goes on for a while");
      const before = history.operations.length;
      await pause(calmMs);
      const after = history.operations.slice(before);
      if (!after.some(({ op, status }) => op === "put" && status === "ok")) {
        this.#violations.push(`no write was acknowledged in ${calmMs} ms without faults`);
      }
    } finally {
      const stops = sites.map((site) => site.stop(siteStopTimeoutMs));
      const problems = await Promise.all(stops);
      this.#violations.push(...problems.filter((problem) => problem !== undefined));
      this.#violations.push(...((await this.#coordination?.stop()) ?? []));
    }
  }

  #startCoordination(cluster: ChaosCluster, network: Network): CoordinationRun | undefined {
    if (!this.#options.coordination) return undefined;
    return new CoordinationRun({
      cluster,
      network,
      random: this.#random.split("coordination"),
      startNs: this.#startNs,
      note: (text) => this.#note(`coordination: ${text}`),
    });
  }

  #startMembership(cluster: ChaosCluster, network: Network): MembershipRun | undefined {
    const { membership, nodesMax, electionTimeoutMs } = this.#options;
    if (!membership) return undefined;
    return new MembershipRun({
      cluster,
      network,
      nodesMax,
      random: this.#random.split("membership"),
      turns: this.#turns,
      electionTimeoutMs,
      note: (text) => this.#note(`members: ${text}`),
      found: (problem) => this.#violations.push(problem),
    });
  }

  /** Some clients beside each node, and some that know all nodes and are beside none. */
  #startSites(
    cluster: ChaosCluster,
    network: Network,
    history: HistoryRecorder,
  ): Site<RecordedOperation>[] {
    const { electionTimeoutMs, sabotage } = this.#options;
    const all = cluster.nodes.map((node) => network.addressOf(node));
    return [0, ...cluster.nodes].map((host) => {
      const node = host === 0 ? this.#random.pick(cluster.nodes) : host;
      const endpoint = network.addressOf(node);
      const options = {
        name: host === 0 ? "outside" : `beside-${host}`,
        endpoints: host === 0 ? all : [endpoint],
        local: { node: String(node), endpoint },
        clients: clientsPerSite,
        seed: this.#random.uint32(),
        startNs: String(this.#startNs),
        thinkMsMax,
        electionTimeoutMs,
        sabotage,
      };
      const script = fileURLToPath(new URL("./clients/site-main.js", import.meta.url));
      const onLine = (operation: RecordedOperation) => history.record(operation);
      return new Site({ network, host, script, options, onLine });
    });
  }

  /** For as long as was asked, and then, within bounds, until the run proves enough. */
  async #faults(cluster: ChaosCluster, network: Network, history: HistoryRecorder): Promise<void> {
    const { minutes, electionTimeoutMs } = this.#options;
    const random = this.#random.split("faults");
    const deck = new FaultDeck(this.#classes(network), random.split("deck"));
    const inject = async (name: FaultName): Promise<void> => {
      const note = (text: string) => this.#note(`${name}: ${text}`);
      const own = random.split(name);
      if (await FAULTS[name]({ cluster, network, random: own, electionTimeoutMs, note })) {
        this.#hits[name] += 1;
      }
    };
    const untilMs = performance.now() + minutes * 60_000;
    let lastMs: number | undefined;
    while (this.#violations.length === 0) {
      this.#rounds = deck.rounds;
      const nowMs = performance.now();
      if (nowMs >= untilMs && deck.rounds > 0) {
        lastMs ??= nowMs + overtimeMsMax;
        if (nowMs >= lastMs || this.#shortfalls(network, history).length === 0) return;
      }
      const missed =
        lastMs === undefined ? undefined : deck.names.find((name) => this.#hits[name] === 0);
      const overlaps = missed === undefined && random.chance(overlapShare);
      const drawn = overlaps ? [deck.draw(), deck.draw()] : [missed ?? deck.draw()];
      await this.#turns.alone(async () => {
        await allEnded(drawn.map(inject));
        await Promise.all(cluster.nodes.map((node) => cluster.start(node)));
      });
      await pause(random.uniform(0, 2.5 * electionTimeoutMs));
    }
  }

  async #verify(cluster: ChaosCluster, network: Network, history: HistoryRecorder): Promise<void> {
    const nowNs = (): number => Number(process.hrtime.bigint() - this.#startNs);
    this.#violations.push(...((await this.#coordination?.verify()) ?? []));
    const problems = await checkFinalState({
      endpoints: cluster.nodes.map((node) => network.addressOf(node)),
      keys: keysUntil(nowNs()),
      nowNs,
      record: (operation) => history.record(operation),
    });
    this.#violations.push(...problems);
    this.#violations.push(...((await this.#membership?.verify()) ?? []));
    this.#note(`judging ${history.operations.length} operations …`);
    const verdict = checkHistory(history.operations);
    if (verdict.kind !== "ok") this.#violations.push(`${verdict.kind}: ${verdict.explanation}`);
    this.#violations.push(...this.#shortfalls(network, history));
  }

  /** In what the run has done too little to prove anything: as it stands, it does not pass. */
  #shortfalls(network: Network, history: HistoryRecorder): string[] {
    const seconds = Number(process.hrtime.bigint() - this.#startNs) / 1e9;
    const found: string[] = [];
    const demand = (what: string, have: number, need: number): void => {
      if (have < need) found.push(`only ${have} ${what}, at least ${need} needed`);
    };
    const answered = history.count(({ status }) => status === "ok");
    const writes = history.count(({ op, status }) => op === "put" && status === "ok");
    demand("answered operations", answered, Math.floor(seconds * answeredPerSecondMin));
    this.#membership?.demand(demand, this.#snapshots.counts, seconds);
    this.#coordination?.demand(demand, seconds);
    demand("acknowledged puts", writes, Math.floor(seconds * writesPerSecondMin));
    for (const name of this.#classes(network)) {
      demand(`faults "${name}" that hit`, this.#hits[name], Math.ceil(this.#rounds / 2));
    }
    return found;
  }

  #classes(network: Network): readonly FaultName[] {
    return this.#options.faults ?? possibleFaults(network);
  }

  #note(text: string): void {
    const seconds = Number((process.hrtime.bigint() - this.#startNs) / 1_000_000n) / 1000;
    this.#options.progress(`[${seconds.toFixed(1).padStart(6)} s] ${text}`);
  }

  #report(cluster: ChaosCluster, history: HistoryRecorder): ChaosReport {
    const { seed, nodes, network } = this.#options;
    const seconds = Number(process.hrtime.bigint() - this.#startNs) / 1e9;
    return {
      seed,
      nodes,
      network,
      seconds: Math.round(seconds),
      answered: history.count(({ status }) => status === "ok"),
      writes: history.count(({ op, status }) => op !== "get" && status === "ok"),
      reads: history.count(({ op, status }) => op === "get" && status === "ok"),
      unknown: history.count(({ status }) => status === "unknown"),
      refused: history.count(({ status }) => status === "fail"),
      elections: cluster.elections,
      faults: this.#hits,
      membership: this.#membership?.counts,
      snapshots: this.#snapshots.counts,
      coordination: this.#coordination?.counts,
      operations: Object.fromEntries([...history.counts].sort()),
      violations: this.#violations,
    };
  }
}

/** Waits for all, so that each has put right what it broke; then rejects if any did. */
async function allEnded(promises: readonly Promise<void>[]): Promise<void> {
  await Promise.allSettled(promises);
  await Promise.all(promises);
}
