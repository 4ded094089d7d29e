import { connectLazilyOver, type RemoteClient } from "@d-engine/client";
import { isEngineError } from "@d-engine/core";
import { SimulatedTransport } from "../client/simulated-transport.js";
import type { Cluster } from "../cluster/cluster.js";
import type { Prng } from "../prng.js";
import { WorldClock } from "../world/world-clock.js";
import {
  type Answer,
  type Call,
  type Caller,
  padded,
  type Request,
  toBytes,
  toName,
} from "./call.js";

/**
 * The client that programs use over the network, unchanged, on simulated connections: it looks for
 * the leader, tries again, and says itself what is unknown (rule R21).
 */
export class RoutedCaller implements Caller {
  readonly #cluster: Cluster;
  readonly #transport: SimulatedTransport;
  readonly #client: RemoteClient;

  /** `place`: the node on whose machine the client runs, or 0. */
  constructor(cluster: Cluster, name: string, place: number, random: Prng) {
    this.#cluster = cluster;
    this.#transport = new SimulatedTransport({ cluster, name, place, random });
    const clock = new WorldClock(cluster.world);
    const ports = { transport: this.#transport, clock, random };
    const addresses = cluster.nodes.map(({ address }) => address);
    const { timeoutMs } = cluster.plan.workload;
    this.#client = connectLazilyOver(ports, addresses, { timeoutMs });
  }

  async call(request: Request): Promise<Call> {
    const { world, coverage } = this.#cluster;
    const callMs = world.nowMs;
    const answer = await this.#perform(request);
    const { lastAnswerer } = this.#transport;
    coverage.add(coverageOf[answer.status]);
    const node = `${lastAnswerer?.id ?? 0}.${lastAnswerer?.incarnation ?? 0}`;
    return { answer, node, nodeId: lastAnswerer?.id ?? 0, callMs, endMs: world.nowMs };
  }

  async #perform({ op, key, value, expect, consistency }: Request): Promise<Answer> {
    const { paddingBytes } = this.#cluster.plan.workload;
    const client = this.#client;
    const written = () => padded(value!, paddingBytes);
    try {
      switch (op) {
        case "get": {
          const found = await client.get(toBytes(key), { consistency });
          return { status: "ok", value: found === undefined ? undefined : toName(found) };
        }
        case "put": {
          const { revision } = await client.put(toBytes(key), written());
          return { status: "ok", value, done: true, rev: revision };
        }
        case "delete":
          return { status: "ok", value, done: await client.delete(toBytes(key)) };
        case "cas": {
          const expected = expect === undefined ? undefined : padded(expect, paddingBytes);
          const done = await client.compareAndSwap(toBytes(key), expected, written());
          return { status: "ok", value, done };
        }
      }
    } catch (error) {
      if (!isEngineError(error)) throw error;
      return { status: error.outcome === "unknown" && op !== "get" ? "unknown" : "fail" };
    }
  }
}

const coverageOf = {
  ok: "routed call answered",
  fail: "routed call refused",
  unknown: "routed call unknown",
} as const;
