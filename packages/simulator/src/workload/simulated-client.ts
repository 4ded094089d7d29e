import type { HistoryOperation } from "../checkers/history.js";
import type { Cluster } from "../cluster/cluster.js";
import type { Prng } from "../prng.js";
import type { Answer, Call, Caller, Request } from "./call.js";

/**
 * Calls the cluster one operation at a time, and writes down what it asked and what it heard. Each
 * value is written once ever, so that it names the attempt that wrote it.
 */
export class SimulatedClient {
  readonly #cluster: Cluster;
  readonly #id: string;
  readonly #random: Prng;
  readonly #caller: Caller;
  readonly #history: HistoryOperation[];
  readonly #seen = new Map<string, string | undefined>();
  #attempts = 0;
  #stopped = false;
  #busy = false;

  constructor(
    cluster: Cluster,
    id: string,
    random: Prng,
    caller: Caller,
    history: HistoryOperation[],
  ) {
    this.#cluster = cluster;
    this.#id = id;
    this.#random = random;
    this.#caller = caller;
    this.#history = history;
  }

  /** Whether an operation is under way. */
  get busy(): boolean {
    return this.#busy;
  }

  /** Runs until `stop`. */
  async run(): Promise<void> {
    const { world, plan } = this.#cluster;
    while (!this.#stopped) {
      await world.sleep(this.#random.exponential(plan.workload.thinkMs));
      if (this.#stopped) return;
      const request = this.#draw();
      this.#busy = true;
      const call = await this.#caller.call(request);
      this.#busy = false;
      if (call === undefined) continue;
      this.#record(request, call);
      if (call.endMs > world.nowMs) await world.sleep(call.endMs - world.nowMs);
    }
  }

  stop(): void {
    this.#stopped = true;
  }

  #draw(): Request {
    const { mix, keys, consistency } = this.#cluster.plan.workload;
    const key = `k${this.#random.between(1, keys)}`;
    const op = this.#random.weighted(mix);
    const level = this.#random.weighted(consistency);
    if (op === "get" || op === "delete") return { op, key, consistency: level };
    this.#attempts += 1;
    const value = `${this.#id}.${this.#attempts}`;
    if (op === "put") return { op, key, value, consistency: level };
    return { op, key, value, expect: this.#seen.get(key), consistency: level };
  }

  #record(request: Request, { answer, node, nodeId, callMs, endMs }: Call): void {
    const { world, coverage } = this.#cluster;
    const { op, key, value, expect, consistency } = request;
    const stale = op === "get" && consistency === "eventual";
    this.#history.push({
      client: this.#id,
      node,
      op,
      key,
      value,
      expect,
      call: callMs,
      ...(answer.status === "unknown" ? {} : { return: endMs }),
      ...(stale ? { stale } : {}),
      ...answer,
    });
    world.note(`client ${this.#id} ${op} ${answer.status}`, nodeId, 0, () =>
      JSON.stringify({ ...request, ...answer, call: callMs }),
    );
    if (answer.status === "unknown") coverage.add("outcome unknown");
    this.#remember(request, answer);
  }

  /** What compare-and-swaps will expect. */
  #remember({ op, key, value }: Request, answer: Answer): void {
    if (answer.status !== "ok") return;
    if (op === "get") this.#seen.set(key, answer.value);
    else if (op === "delete") this.#seen.set(key, undefined);
    else if (answer.done !== false) this.#seen.set(key, value);
  }
}
