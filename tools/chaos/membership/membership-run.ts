import { isDeepStrictEqual } from "node:util";
import { connectAdmin } from "@d-engine/client";
import { runBallast } from "./ballast.js";
import { MemberDriver, type MemberDriverOptions } from "./member-driver.js";
import { changesOf, type MembershipCounts } from "./membership-counts.js";
import type { SnapshotCounts } from "./snapshot-tally.js";

/** Adds what is missing to what a run is found wanting in. */
export type Demand = (what: string, have: number, need: number) => void;

/**
 * Whether somebody is away for long enough to need a snapshot is chance: one in two and a half minutes
 * is demanded, so none of the short run in CI, where the simulator and the tests of members see to it.
 */
const leastPerMinute = { changes: 3, made: 5, purges: 5, installed: 0.4 } as const;
const askTimeoutMs = 10_000;

/** Changes of the members, and the writes that make logs grow, for the length of a run. */
export class MembershipRun {
  readonly #options: MemberDriverOptions;
  readonly #driver: MemberDriver;
  readonly #stop = new AbortController();
  readonly #running: Promise<unknown>;

  constructor(options: MemberDriverOptions) {
    this.#options = options;
    this.#driver = new MemberDriver(options);
    const { network, nodesMax } = options;
    const hosts = Array.from({ length: nodesMax }, (_, at) => at + 1);
    const ballast = runBallast(
      hosts.map((host) => network.addressOf(host)),
      this.#stop.signal,
    );
    const changes = this.#driver.run(this.#stop.signal).catch((error: unknown) => {
      options.found(`changing members: ${error instanceof Error ? error.message : String(error)}`);
    });
    this.#running = Promise.all([ballast, changes]);
  }

  get counts(): Readonly<MembershipCounts> {
    return this.#driver.counts;
  }

  /** Resolves when the change under way has come to its end. */
  async stop(): Promise<void> {
    this.#stop.abort();
    await this.#running;
  }

  /** Whether every node tells the same members, those that were meant to be. */
  async verify(): Promise<string[]> {
    const { cluster, network } = this.#options;
    const { members, version } = await this.#driver.members();
    const meant = cluster.nodes;
    const ids = members.map(({ id }) => id as number).sort((a, b) => a - b);
    if (!isDeepStrictEqual(ids, meant)) return [`members are ${ids}, and should be ${meant}`];
    const standing = members.map(({ id, address, status }) => ({ id, address, status }));
    const problems: string[] = [];
    for (const node of meant) {
      await using admin = connectAdmin([network.addressOf(node)], { timeoutMs: askTimeoutMs });
      const view = await admin.members();
      const told = view.members.map(({ id, address, status }) => ({ id, address, status }));
      if (view.version === version && isDeepStrictEqual(told, standing)) continue;
      problems.push(`node ${node} tells ${JSON.stringify(told)}, version ${view.version}`);
    }
    return problems;
  }

  /** A run that changed and installed too little would prove nothing. */
  demand(demand: Demand, snapshots: Readonly<SnapshotCounts>, seconds: number): void {
    const { counts } = this;
    const least = (perMinute: number): number => Math.floor((perMinute * seconds) / 60);
    demand("changes of the members", changesOf(counts), least(leastPerMinute.changes));
    demand("snapshots made", snapshots.made, least(leastPerMinute.made));
    demand("purges of a log", snapshots.purges, least(leastPerMinute.purges));
    demand("snapshots installed", snapshots.installed, least(leastPerMinute.installed));
    demand("removed nodes that ended by themselves", counts.stoppedByThemselves, 1);
  }

  async close(): Promise<void> {
    this.#stop.abort();
    await this.#running;
    await this.#driver.close();
  }
}
