import type { Consistency } from "@d-engine/client";
import { encodeCompareAndSwap, encodeDelete, encodePut, Slab } from "@d-engine/codec";
import { isEngineError } from "@d-engine/core";
import type { KvNode } from "@d-engine/server/driver";
import type { HistoryOperation } from "../checkers/history.js";
import type { Cluster } from "../cluster/cluster.js";
import type { SimulatedNode } from "../cluster/simulated-node.js";
import type { Prng } from "../prng.js";

/** What one operation was answered. */
type Answer =
  | ({ readonly status: "ok" } & Pick<HistoryOperation, "value" | "done" | "rev">)
  | { readonly status: "unknown" }
  | { readonly status: "fail"; readonly leader: number | undefined };

type Request = Pick<HistoryOperation, "op" | "key" | "value" | "expect"> & {
  readonly consistency: Consistency;
};

/**
 * Calls nodes one operation at a time, follows leaders, and writes down what it asked and what it
 * heard. Each value is written once ever, so that it names the attempt that wrote it.
 */
export class SimulatedClient {
  readonly #cluster: Cluster;
  readonly #id: string;
  readonly #random: Prng;
  readonly #history: HistoryOperation[];
  readonly #seen = new Map<string, string | undefined>();
  readonly #slab = new Slab();
  #leader = 0;
  #attempts = 0;
  #stopped = false;
  #calls = 0;

  constructor(cluster: Cluster, id: string, random: Prng, history: HistoryOperation[]) {
    this.#cluster = cluster;
    this.#id = id;
    this.#random = random;
    this.#history = history;
  }

  /** Whether an operation is under way. */
  get busy(): boolean {
    return this.#calls > 0;
  }

  /** Runs until `stop`. */
  async run(): Promise<void> {
    const { world, plan } = this.#cluster;
    while (!this.#stopped) {
      await world.sleep(this.#random.exponential(plan.workload.thinkMs));
      if (this.#stopped) return;
      const request = this.#draw();
      const node = this.#choose(request);
      if (node.kv === undefined) this.#leader = 0;
      else await this.#call(node, request);
    }
  }

  stop(): void {
    this.#stopped = true;
  }

  #draw(): Request {
    const { mix, keys, consistency, paddingBytes } = this.#cluster.plan.workload;
    const key = `k${this.#random.between(1, keys)}`;
    const op = this.#random.weighted(mix);
    const level = this.#random.weighted(consistency);
    if (op === "get" || op === "delete") return { op, key, consistency: level };
    this.#attempts += 1;
    const value = `${this.#id}.${this.#attempts}`.padEnd(paddingBytes, " ");
    if (op === "put") return { op, key, value, consistency: level };
    return { op, key, value, expect: this.#seen.get(key), consistency: level };
  }

  #choose({ op, consistency }: Request): SimulatedNode {
    const { nodes } = this.#cluster;
    const anywhere = op === "get" && (consistency === "eventual" || this.#random.chance(0.4));
    if (anywhere || this.#leader === 0) return this.#random.pick(nodes);
    return nodes[this.#leader - 1]!;
  }

  async #call(node: SimulatedNode, request: Request): Promise<void> {
    const { world } = this.#cluster;
    const { process } = node;
    if (process === undefined) return;
    const call = world.nowMs;
    this.#calls += 1;
    const answer = await new Promise<Answer>((resolve) => {
      process.whenEnded(() => resolve({ status: "unknown" }));
      process.enter(() => {
        const kv = node.kv;
        if (kv === undefined) resolve({ status: "fail", leader: undefined });
        else this.#perform(kv, request).then(resolve);
      });
    });
    this.#calls -= 1;
    // A handler that stalled in its middle has answered when its stall was over.
    const end = process.alive ? process.nowMs : world.nowMs;
    const stale = request.op === "get" && request.consistency === "eventual";
    this.#history.push({
      client: this.#id,
      node: `${node.id}.${process.incarnation}`,
      op: request.op,
      key: request.key,
      value: request.value,
      expect: request.expect,
      call,
      ...(answer.status === "unknown" ? {} : { return: end }),
      ...(stale ? { stale } : {}),
      ...answer,
    });
    world.note(`client ${this.#id} ${request.op} ${answer.status}`, node.id, 0, () =>
      JSON.stringify({ ...request, ...answer, call }),
    );
    this.#learn(node, request, answer);
    if (end > world.nowMs) await world.sleep(end - world.nowMs);
  }

  #learn(node: SimulatedNode, request: Request, answer: Answer): void {
    if (answer.status === "unknown") this.#cluster.coverage.add("outcome unknown");
    if (answer.status === "fail") {
      this.#leader = answer.leader ?? 0;
      return;
    }
    if (answer.status !== "ok") return;
    if (request.op !== "get") this.#leader = node.id;
    if (request.op === "get") this.#seen.set(request.key, answer.value);
    else if (request.op === "delete") this.#seen.set(request.key, undefined);
    else if (answer.done !== false) this.#seen.set(request.key, request.value);
  }

  /** Calls the node as the embedded client does. Never rejects. */
  async #perform(kv: KvNode, request: Request): Promise<Answer> {
    const { timeoutMs } = this.#cluster.plan.workload;
    try {
      if (request.op === "get") {
        const options = { consistency: request.consistency, timeoutMs };
        const [value] = await kv.read([toBytes(request.key)], options);
        return { status: "ok", value: value === undefined ? undefined : toText(value) };
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
      return { status: "fail", leader: error.leader?.leaderId };
    }
  }

  #encode({ op, key, value, expect }: Request): Uint8Array {
    const slab = this.#slab;
    if (op === "delete") return encodeDelete(slab, toBytes(key));
    if (op === "put") return encodePut(slab, toBytes(key), toBytes(value!));
    const expected = expect === undefined ? undefined : toBytes(expect);
    return encodeCompareAndSwap(slab, toBytes(key), expected, toBytes(value!));
  }
}

/** Keys and values of a simulation are ASCII. */
function toBytes(text: string): Uint8Array {
  return Uint8Array.from(text, (char) => char.charCodeAt(0));
}

function toText(bytes: Uint8Array): string {
  return String.fromCharCode(...bytes);
}
