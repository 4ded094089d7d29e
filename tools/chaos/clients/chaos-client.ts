import type { CallOptions, EngineClient } from "@d-engine/client";
import { isEngineError } from "@d-engine/core";
import type { Prng } from "@d-engine/simulator";
import { drawKey } from "./key-space.js";
import type { RecordedOperation } from "./recorded-operation.js";

export interface ChaosClientOptions {
  readonly name: string;
  /** Follows the leader wherever it goes. */
  readonly client: EngineClient;
  /** Knows one node only: eventual reads of one node never go back. */
  readonly local: { readonly node: string; readonly client: EngineClient };
  readonly random: Prng;
  readonly nowNs: () => number;
  readonly record: (operation: RecordedOperation) => void;
  /** Calls are bounded by times around this one. */
  readonly electionTimeoutMs: number;
  readonly sabotage: boolean;
}

/** What an operation was, before it is known how it ended. */
type Attempt = Pick<
  RecordedOperation,
  "op" | "key" | "value" | "expect" | "level" | "stale" | "node"
>;

const weights = {
  put: 30,
  linearizable: 20,
  lease: 16,
  eventual: 10,
  cas: 18,
  delete: 6,
} as const;
const abortShare = 0.03;
const sabotageShare = 0.01;

/** One caller: one operation at a time, each recorded with what it was told. */
export class ChaosClient {
  readonly #options: ChaosClientOptions;
  /** What this client saw last, by key: what its compare-and-swaps expect. */
  readonly #seen = new Map<string, string | undefined>();
  #written = 0;

  constructor(options: ChaosClientOptions) {
    this.#options = options;
  }

  /** Carries out one operation. Rejects only for an error that is none of the engine's. */
  async once(): Promise<void> {
    const { random, nowNs } = this.#options;
    const key = drawKey(nowNs(), random);
    const kind = random.weighted(weights);
    switch (kind) {
      case "put":
        return await this.#put(key);
      case "cas":
        return await this.#compareAndSwap(key);
      case "delete":
        return await this.#delete(key);
      case "linearizable":
      case "lease":
        return await this.#get({ op: "get", key, level: kind });
      case "eventual": {
        const { node } = this.#options.local;
        return await this.#get({ op: "get", key, level: kind, stale: true, node });
      }
    }
  }

  #put(key: string): Promise<void> {
    const value = this.#value();
    return this.#attempt({ op: "put", key, value }, async (client, options) => {
      const { revision } = await client.put(key, value, options);
      this.#seen.set(key, value);
      return { rev: revision };
    });
  }

  #compareAndSwap(key: string): Promise<void> {
    const expect = this.#seen.get(key);
    const value = this.#value();
    return this.#attempt({ op: "cas", key, value, expect }, async (client, options) => {
      const done = await client.compareAndSwap(key, expect, value, options);
      if (done) this.#seen.set(key, value);
      return { done };
    });
  }

  #delete(key: string): Promise<void> {
    return this.#attempt({ op: "delete", key }, async (client, options) => {
      const done = await client.delete(key, options);
      this.#seen.set(key, undefined);
      return { done };
    });
  }

  #get(attempt: Attempt): Promise<void> {
    const { key, level, stale } = attempt;
    return this.#attempt(attempt, async (client, options) => {
      const value = await client.getString(key, { ...options, consistency: level! });
      const before = this.#seen.get(key);
      if (stale !== true) this.#seen.set(key, value);
      const { sabotage, random } = this.#options;
      const lies = sabotage && stale !== true && random.chance(sabotageShare);
      return { value: lies ? before : value };
    });
  }

  async #attempt(
    attempt: Attempt,
    call: (client: EngineClient, options: CallOptions) => Promise<Partial<RecordedOperation>>,
  ): Promise<void> {
    const { name, client, local, nowNs, record } = this.#options;
    const bounds = this.#bounds();
    const begun = { client: name, ...attempt, call: nowNs() };
    try {
      const answer = await call(attempt.stale ? local.client : client, bounds);
      record({ ...begun, ...answer, return: nowNs(), status: "ok" });
    } catch (error) {
      const ended = nowNs();
      record({
        ...begun,
        return: ended,
        status: statusOf(attempt, error, bounds.signal),
        error: nameOf(error),
      });
    }
  }

  /** Short and long deadlines, and now and then a caller that changes its mind. */
  #bounds(): CallOptions {
    const { random, electionTimeoutMs } = this.#options;
    const timeoutMs = Math.ceil(random.logUniform(electionTimeoutMs / 4, electionTimeoutMs * 6));
    if (!random.chance(abortShare)) return { timeoutMs };
    return { timeoutMs, signal: AbortSignal.timeout(random.between(1, timeoutMs)) };
  }

  /** Unlike every other value of the run. */
  #value(): string {
    this.#written += 1;
    return `${this.#options.name}.${this.#written}`;
  }
}

/** A read has no effect however it ends; a write's error says what may be concluded. */
function statusOf(
  { op }: Attempt,
  error: unknown,
  signal: AbortSignal | undefined,
): "unknown" | "fail" {
  if (signal?.aborted === true && error === signal.reason) return op === "get" ? "fail" : "unknown";
  if (!isEngineError(error)) throw error;
  return op === "get" || error.outcome === "rejected" ? "fail" : "unknown";
}

function nameOf(error: unknown): string {
  return isEngineError(error) ? error.code : "aborted";
}
