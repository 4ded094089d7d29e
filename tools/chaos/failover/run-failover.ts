import { mkdir, rm } from "node:fs/promises";
import { setTimeout as pause } from "node:timers/promises";
import { connect } from "@d-engine/client";
import { Prng } from "@d-engine/simulator";
import { ChaosCluster } from "../chaos-cluster.js";
import { DirectNetwork } from "../network/direct-network.js";
import type { Host } from "../network/host.js";
import { type Distribution, distributionOf } from "./statistics.js";
import { WriteLoad } from "./write-load.js";

export interface FailoverOptions {
  readonly root: string;
  readonly folder: string;
  /** How often the leader is taken away. */
  readonly times: number;
  /** `kill -9`, or SIGTERM and a clean close. */
  readonly how: "kill" | "stop";
  readonly electionTimeoutMs: number;
  readonly clients: number;
  readonly writersPerClient: number;
  readonly seed: number;
  readonly progress: (line: string) => void;
}

export interface FailoverReport {
  readonly how: "kill" | "stop";
  readonly seed: number;
  readonly electionTimeoutMs: number;
  readonly acknowledged: number;
  /** Writes that rejected; each client tries again within the deadline by itself. */
  readonly failed: number;
  /** `failed` for each leader that was taken away. */
  readonly failedPerTime: number;
  /**
   * `kill`: milliseconds from the kill to the first acknowledgement of a write called after it.
   * `stop`: the longest time without any acknowledgement, from the signal on.
   */
  readonly outageMs: Distribution;
  /** The same in election timeouts. */
  readonly outage: Distribution;
  /** Milliseconds from the kill or signal to the election of the next leader. */
  readonly electedMs: Distribution;
  readonly violations: readonly string[];
}

const thinkMs = 5;
const calmMs = { from: 300, to: 1_300 } as const;
const outageMsMax = 60_000;
/** Outages of more election timeouts than this are told one by one. */
const slow = 2;
const readyTimeoutMs = 60_000;

/** Takes the leader away again and again under load and measures how long nobody is served. */
export async function runFailover(options: FailoverOptions): Promise<FailoverReport> {
  await mkdir(options.folder, { recursive: true });
  const run = new FailoverRun(options);
  const report = await run.toTheEnd();
  if (report.violations.length === 0) await rm(options.folder, { recursive: true, force: true });
  return report;
}

class FailoverRun {
  readonly #options: FailoverOptions;
  readonly #random: Prng;
  readonly #violations: string[] = [];
  readonly #outages: number[] = [];
  readonly #elections: number[] = [];

  constructor(options: FailoverOptions) {
    this.#options = options;
    this.#random = new Prng(options.seed);
  }

  async toTheEnd(): Promise<FailoverReport> {
    const { root, folder, electionTimeoutMs, clients, writersPerClient } = this.#options;
    const network = await DirectNetwork.open(3, this.#random.split("network"));
    const cluster = new ChaosCluster({
      root,
      folder,
      nodeCount: 3,
      network,
      electionTimeoutMs,
      onUnexpectedEnd: (problem) => this.#violations.push(problem),
    });
    const loads: WriteLoad[] = [];
    try {
      await Promise.all(cluster.nodes.map((node) => cluster.start(node)));
      const endpoints = cluster.nodes.map((node) => network.addressOf(node));
      for (let client = 0; client < clients; client++) {
        loads.push(new WriteLoad(`client-${client}`, await connect(endpoints), thinkMs));
      }
      for (const load of loads) load.start(writersPerClient);
      await this.#takeLeadersAway(cluster, loads);
      for (const load of loads) await load.stop();
      for (const load of loads) this.#violations.push(...(await load.findLost()));
    } catch (error) {
      this.#violations.push(error instanceof Error ? error.message : String(error));
    } finally {
      await cluster.killAll();
      await Promise.all(loads.map((load) => load.close()));
    }
    return this.#report(loads);
  }

  async #takeLeadersAway(cluster: ChaosCluster, loads: readonly WriteLoad[]): Promise<void> {
    const { times, progress, electionTimeoutMs } = this.#options;
    for (let time = 1; time <= times && this.#violations.length === 0; time++) {
      await this.#calm(cluster);
      const leader = cluster.leader;
      if (leader === undefined) throw new Error("no node says that it leads");
      const outageMs = await this.#takeAway(cluster, leader, loads);
      this.#outages.push(outageMs);
      if (outageMs > slow * electionTimeoutMs) {
        const electedMs = Math.round(this.#elections.at(-1) ?? 0);
        progress(
          `time ${time}: next leader after ${electedMs} ms, served after ${outageMs | 0} ms`,
        );
      }
      if (time % 10 === 0 || time === times) {
        const { median, p99, max } = distributionOf(this.#outages);
        const shown = [median, p99, max].map((ms) => (ms / electionTimeoutMs).toFixed(2));
        progress(`${time} of ${times}: median ${shown[0]}, p99 ${shown[1]}, max ${shown[2]}`);
      }
    }
  }

  /** All three nodes serve, and an uneven time has passed. */
  async #calm(cluster: ChaosCluster): Promise<void> {
    for (const node of cluster.nodes) {
      await cluster.start(node);
      await cluster.process(node)?.told("ready", readyTimeoutMs);
    }
    await pause(this.#random.uniform(calmMs.from, calmMs.to));
  }

  async #takeAway(
    cluster: ChaosCluster,
    leader: Host,
    loads: readonly WriteLoad[],
  ): Promise<number> {
    const startedMs = performance.now();
    const elected = cluster.nextLeader(outageMsMax).then((next) => {
      if (next !== undefined) this.#elections.push(performance.now() - startedMs);
    });
    const outage =
      this.#options.how === "kill"
        ? this.#untilServed(startedMs, loads)
        : this.#longestGap(startedMs, loads, elected);
    if (this.#options.how === "kill") await cluster.kill(leader);
    else await cluster.closeGracefully(leader);
    return await outage;
  }

  /** Until the first acknowledgement of a write that was called after this moment. */
  #untilServed(startedMs: number, loads: readonly WriteLoad[]): Promise<number> {
    return new Promise((resolve, reject) => {
      const late = setTimeout(
        () => reject(new Error(`no write was acknowledged within ${outageMsMax} ms`)),
        outageMsMax,
      );
      for (const load of loads) {
        load.onAcknowledged = ({ calledMs, returnedMs }) => {
          if (calledMs < startedMs) return;
          clearTimeout(late);
          resolve(returnedMs - startedMs);
        };
      }
    });
  }

  /** The longest pause between acknowledgements, until a while after the next leader is there. */
  async #longestGap(
    startedMs: number,
    loads: readonly WriteLoad[],
    elected: Promise<void>,
  ): Promise<number> {
    let lastMs = startedMs;
    let longestMs = 0;
    for (const load of loads) {
      load.onAcknowledged = ({ returnedMs }) => {
        longestMs = Math.max(longestMs, returnedMs - lastMs);
        lastMs = returnedMs;
      };
    }
    await elected;
    await pause(this.#options.electionTimeoutMs);
    return Math.max(longestMs, performance.now() - lastMs);
  }

  #report(loads: readonly WriteLoad[]): FailoverReport {
    const { how, seed, electionTimeoutMs } = this.#options;
    const failures = loads.flatMap((load) => load.failures);
    for (const line of new Set(failures.map((failure) => failure.replace(/\d{4,}/g, "…")))) {
      this.#options.progress(`a client was told: ${line}`);
    }
    return {
      how,
      seed,
      electionTimeoutMs,
      acknowledged: loads.reduce((sum, load) => sum + load.acknowledged.count, 0),
      failed: failures.length,
      failedPerTime: failures.length / Math.max(1, this.#outages.length),
      outageMs: distributionOf(this.#outages),
      outage: distributionOf(this.#outages.map((ms) => ms / electionTimeoutMs)),
      electedMs: distributionOf(this.#elections),
      violations: this.#violations,
    };
  }
}
