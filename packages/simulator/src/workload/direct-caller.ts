import { encodeCompareAndSwap, encodeDelete, encodePut, Slab } from "@d-engine/codec";
import { isEngineError } from "@d-engine/core";
import type { KvNode } from "@d-engine/server/driver";
import type { Cluster } from "../cluster/cluster.js";
import type { SimulatedNode } from "../cluster/simulated-node.js";
import type { Prng } from "../prng.js";
import {
  type Answer,
  type Call,
  type Caller,
  padded,
  type Request,
  toBytes,
  toName,
} from "./call.js";

/** Calls into the nodes as programs that embed one do, and follows leaders by their hints. */
export class DirectCaller implements Caller {
  readonly #cluster: Cluster;
  readonly #random: Prng;
  readonly #slab = new Slab();
  readonly #timeoutMs: number;
  #leader: number;

  /** `leader` is the node that is asked first; 0: any. Calls take as long as the plan says, or else. */
  constructor(
    cluster: Cluster,
    random: Prng,
    { leader = 0, timeoutMs = cluster.plan.workload.timeoutMs } = {},
  ) {
    this.#cluster = cluster;
    this.#random = random;
    this.#timeoutMs = timeoutMs;
    this.#leader = leader;
  }

  async call(request: Request): Promise<Call | undefined> {
    const { world } = this.#cluster;
    const node = this.#choose(request);
    const { process, kv } = node;
    if (process === undefined || kv === undefined) {
      this.#leader = 0;
      return undefined;
    }
    const callMs = world.nowMs;
    const answer = await new Promise<Answer>((resolve) => {
      process.whenEnded(() => resolve({ status: "unknown" }));
      process.enter(() => {
        this.#perform(kv, request).then(resolve);
      });
    });
    if (answer.status === "ok" && request.op !== "get") this.#leader = node.id;
    // A handler that stalled in its middle has answered when its stall was over.
    const endMs = process.alive ? process.nowMs : world.nowMs;
    const name = `${node.id}.${process.incarnation}`;
    return { answer, node: name, nodeId: node.id, callMs, endMs };
  }

  #choose({ op, consistency }: Request): SimulatedNode {
    const nodes = this.#cluster.nodes.filter(({ isEnrolled }) => isEnrolled);
    const anywhere = op === "get" && (consistency === "eventual" || this.#random.chance(0.4));
    if (anywhere || this.#leader === 0) return this.#random.pick(nodes);
    return this.#cluster.node(this.#leader);
  }

  /** Calls the node as the embedded client does. */
  async #perform(kv: KvNode, request: Request): Promise<Answer> {
    const timeoutMs = this.#timeoutMs;
    try {
      if (request.op === "get") {
        const options = { consistency: request.consistency, timeoutMs };
        const [value] = await kv.read([toBytes(request.key)], options);
        return { status: "ok", value: value === undefined ? undefined : toName(value) };
      }
      const outcome = await kv.write(this.#encode(request), { timeoutMs });
      const done = request.op === "delete" ? outcome.existed : outcome.succeeded;
      const { revision } = outcome;
      if (!done) return { status: "ok", value: request.value, done };
      return { status: "ok", value: request.value, done, rev: revision };
    } catch (error) {
      if (!isEngineError(error)) throw error;
      // A read has no effect, whatever became of it.
      if (error.outcome === "unknown" && request.op !== "get") return { status: "unknown" };
      this.#leader = error.leader?.leaderId ?? 0;
      return { status: "fail" };
    }
  }

  #encode({ op, key, value, expect }: Request): Uint8Array {
    const slab = this.#slab;
    const { paddingBytes } = this.#cluster.plan.workload;
    if (op === "delete") return encodeDelete(slab, toBytes(key));
    const written = padded(value!, paddingBytes);
    if (op === "put") return encodePut(slab, toBytes(key), written);
    const expected = expect === undefined ? undefined : padded(expect, paddingBytes);
    return encodeCompareAndSwap(slab, toBytes(key), expected, written);
  }
}
