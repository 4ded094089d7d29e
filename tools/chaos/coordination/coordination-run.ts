import { setTimeout as pause } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { connect } from "@d-engine/client";
import type { Prng } from "@d-engine/simulator";
import type { ChaosCluster } from "../chaos-cluster.js";
import { Site } from "../clients/site.js";
import type { Demand } from "../membership/membership-run.js";
import type { Network } from "../network/network.js";
import { checkLeases } from "./check-leases.js";
import { checkLocks } from "./check-locks.js";
import { WatchChecker } from "./check-watches.js";
import type { HeldLock, LeasedKey, Sighting } from "./sighting.js";
import type { CoordinationSiteOptions } from "./site-options.js";

export interface CoordinationOptions {
  readonly cluster: ChaosCluster;
  readonly network: Network;
  readonly random: Prng;
  readonly startNs: bigint;
  readonly note: (text: string) => void;
}

/** What the holders, lessees and watchers of one run have seen. */
export interface CoordinationCounts {
  readonly watches: number;
  readonly events: number;
  readonly held: number;
  readonly lost: number;
  readonly stalls: number;
  readonly leased: number;
}

const locks = ["door", "window"];
const stopTimeoutMs = 30_000;
const leastPerMinute = { held: 20, leased: 4, events: 500 } as const;
/** Longer than a lease of a holder, so that a stall must cost it its locks. */
const stallMsMin = 3_000;
const stallMsMax = 9_000;
const stallEveryMsMax = 15_000;
const script = fileURLToPath(new URL("./site-main.js", import.meta.url));

/** Locks, leases and watches beside every node for the length of a run, and what they prove. */
export class CoordinationRun {
  readonly #options: CoordinationOptions;
  readonly #sites: Site<Sighting>[];
  readonly #watches = new WatchChecker();
  readonly #held: HeldLock[] = [];
  readonly #leased: LeasedKey[] = [];
  readonly #problems: string[] = [];
  readonly #stop = new AbortController();
  readonly #stalling: Promise<void>;
  #stalls = 0;

  constructor(options: CoordinationOptions) {
    this.#options = options;
    const { cluster, network } = options;
    const all = cluster.nodes.map((node) => network.addressOf(node));
    this.#sites = [0, ...cluster.nodes].map((host) => this.#start(host, all));
    this.#stalling = this.#stall();
  }

  get counts(): CoordinationCounts {
    const { watches, events } = this.#watches;
    const lost = this.#held.filter(({ end }) => end === "lost").length;
    const leased = this.#leased.length;
    return { watches, events, held: this.#held.length, lost, stalls: this.#stalls, leased };
  }

  /** Resolves to what went wrong, when all have ended and every lease with them (T2). */
  async stop(): Promise<string[]> {
    this.#stop.abort();
    await this.#stalling;
    const ends = await Promise.all(this.#sites.map((site) => site.stop(stopTimeoutMs)));
    return ends.filter((problem) => problem !== undefined);
  }

  /** What the sightings of all, taken together, do not allow. */
  async verify(): Promise<string[]> {
    return [
      ...this.#problems,
      ...this.#watches.verdict(),
      ...checkLocks(this.#held),
      ...checkLeases(this.#leased),
      ...(await this.#leftOver()),
    ];
  }

  /** A run that held and watched too little would prove nothing. */
  demand(demand: Demand, seconds: number): void {
    const { held, leased, events, watches } = this.counts;
    const least = (perMinute: number): number => Math.floor((perMinute * seconds) / 60);
    demand("locks held", held, least(leastPerMinute.held));
    demand("leased keys that were seen to go", leased, least(leastPerMinute.leased));
    demand("events told by watches", events, least(leastPerMinute.events));
    demand("watches", watches, this.#sites.length);
  }

  #start(host: number, all: readonly string[]): Site<Sighting> {
    const { network, random, startNs } = this.#options;
    const options: CoordinationSiteOptions = {
      name: host === 0 ? "outside" : `beside-${host}`,
      endpoints: host === 0 ? all : [network.addressOf(host)],
      seed: random.uint32(),
      startNs: String(startNs),
      locks,
    };
    return new Site({ network, host, script, options, onLine: (line) => this.#saw(line) });
  }

  #saw(sighting: Sighting): void {
    switch (sighting.kind) {
      case "watch began":
        return this.#watches.began(sighting);
      case "batch":
        return this.#watches.batch(sighting);
      case "watch ended":
        return this.#watches.ended(sighting);
      case "held":
        this.#held.push(sighting);
        return;
      case "leased":
        this.#leased.push(sighting);
        return;
      case "problem":
        this.#problems.push(`${sighting.who}: ${sighting.what}`);
    }
  }

  /** Stops whole processes for longer than their leases: their locks pass on (scenario 71). */
  async #stall(): Promise<void> {
    const { random, note } = this.#options;
    const { signal } = this.#stop;
    const between = (ms: number): Promise<void> =>
      pause(ms, undefined, { signal }).catch(() => undefined);
    while (!signal.aborted) {
      await between(random.uniform(0, stallEveryMsMax));
      if (signal.aborted) return;
      const at = random.between(0, this.#sites.length - 1);
      const stallMs = random.between(stallMsMin, stallMsMax);
      note(`SIGSTOP of the clients ${at} for ${stallMs} ms`);
      if (!this.#sites[at]!.signal("SIGSTOP")) continue;
      this.#stalls += 1;
      await between(stallMs);
      this.#sites[at]!.signal("SIGCONT");
    }
  }

  /** A lease that nobody keeps ends within its time and a second: none is left. */
  async #leftOver(): Promise<string[]> {
    const { cluster, network } = this.#options;
    const endpoints = cluster.nodes.map((node) => network.addressOf(node));
    await using client = await connect(endpoints, { timeoutMs: stopTimeoutMs });
    await pause(longestLeaseMs + 1_000);
    const ids = await client.leases({ consistency: "linearizable" });
    return ids.length === 0 ? [] : [`leases ${ids} are left when all who kept them have ended`];
  }
}

/** Of all leases that holders and lessees take. */
const longestLeaseMs = 15_000;
