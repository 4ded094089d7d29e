import { connectLazilyOver, type RemoteClient } from "@d-engine/client";
import { isEngineError } from "@d-engine/core";
import { SimulatedTransport } from "../client/simulated-transport.js";
import type { Cluster } from "../cluster/cluster.js";
import type { Prng } from "../prng.js";
import { WorldClock } from "../world/world-clock.js";
import type { Observations } from "./observations.js";

/** Every key that programs write begins with this; plain clients write others. */
export const PROGRAM_PREFIX = "p/";
const keysMax = 6;

/** What all activities of one program share. */
export class Program {
  readonly name: string;
  readonly cluster: Cluster;
  readonly random: Prng;
  readonly client: RemoteClient;
  readonly seen: Observations;
  /** The node on whose machine it runs, and with which it is cut off; 0: a machine of its own. */
  readonly place: number;
  readonly #stop = new AbortController();
  readonly #end = new AbortController();
  #attempts = 0;
  #calls = 0;

  constructor(cluster: Cluster, name: string, random: Prng, seen: Observations) {
    this.cluster = cluster;
    this.name = name;
    this.random = random;
    this.seen = seen;
    this.place = random.chance(0.5) ? random.pick(cluster.nodes).id : 0;
    const ports = { clock: new WorldClock(cluster.world), random: random.split("client") };
    const transport = new SimulatedTransport({
      cluster,
      name,
      place: this.place,
      random: ports.random,
    });
    const addresses = cluster.nodes.map(({ address }) => address);
    const { timeoutMs } = cluster.plan.workload;
    this.client = connectLazilyOver({ transport, ...ports }, addresses, { timeoutMs });
  }

  /** Whether a call is under way. */
  get isBusy(): boolean {
    return this.#calls > 0;
  }

  get stopped(): AbortSignal {
    return this.#stop.signal;
  }

  /** Aborts when its watches are to end, which is later. */
  get ended(): AbortSignal {
    return this.#end.signal;
  }

  get nowMs(): number {
    return this.cluster.world.nowMs;
  }

  /** It writes and reads nothing more; its watches go on. */
  stop(): void {
    this.#stop.abort(new Error("the program stops"));
  }

  end(): void {
    this.stop();
    this.#end.abort(new Error("the program ends"));
  }

  key(): string {
    return `${PROGRAM_PREFIX}${this.random.between(1, keysMax)}`;
  }

  /** A value that nobody else writes. */
  attempt(): string {
    this.#attempts += 1;
    return `${this.name}.${this.#attempts}`;
  }

  /** Resolves to how a call ended; rejects with what is no answer at all: a bug. */
  async call<T>(make: () => Promise<T>): Promise<Ended<T>> {
    this.#calls += 1;
    const callMs = this.nowMs;
    const knownRevision = this.seen.acknowledged;
    try {
      const value = await make();
      return { status: "ok", value, callMs, endMs: this.nowMs, knownRevision };
    } catch (error) {
      if (!isEngineError(error)) throw error;
      const status = error.outcome === "unknown" ? "unknown" : "fail";
      const { code, oldestRevision } = error;
      return { status, code, oldestRevision, callMs, endMs: this.nowMs, knownRevision };
    } finally {
      this.#calls -= 1;
    }
  }

  async think(): Promise<void> {
    const { thinkMs } = this.cluster.plan.coordination!;
    await this.cluster.world.sleep(this.random.exponential(thinkMs));
  }
}

/** How a call ended, and when. */
export type Ended<T> = {
  readonly callMs: number;
  readonly endMs: number;
  /** The highest revision that anybody had been told of when it began. */
  readonly knownRevision: number;
} & (
  | { readonly status: "ok"; readonly value: T }
  | {
      readonly status: "fail" | "unknown";
      readonly code: string;
      readonly oldestRevision: number | undefined;
    }
);
