import { setTimeout as pause } from "node:timers/promises";
import type { EngineClient } from "@d-engine/client";
import { isEngineError } from "@d-engine/core";

/** An acknowledged write, in milliseconds of `performance.now`. */
export interface Acknowledged {
  readonly calledMs: number;
  readonly returnedMs: number;
}

/** What the keys must hold at the end: the last acknowledged value, or one of unknown outcome. */
interface Expected {
  acknowledged: string | undefined;
  unknown: string | undefined;
}

const keysPerWriter = 200;
const writeTimeoutMs = 20_000;

/**
 * Writers that never stop. Each uses its own keys in turn and gives a key up after a write of
 * unknown outcome, so that what a key must hold is known exactly.
 */
export class WriteLoad {
  readonly acknowledged = { count: 0 };
  readonly failures: string[] = [];
  /** Told of every acknowledged write. */
  onAcknowledged: (write: Acknowledged) => void = () => undefined;
  readonly #name: string;
  readonly #client: EngineClient;
  readonly #expected = new Map<string, Expected>();
  readonly #stop = new AbortController();
  readonly #thinkMs: number;
  #writers: Promise<void>[] = [];

  /** `name` begins its keys; no two loads may share one. */
  constructor(name: string, client: EngineClient, thinkMs: number) {
    this.#name = name;
    this.#client = client;
    this.#thinkMs = thinkMs;
  }

  start(writers: number): void {
    this.#writers = Array.from({ length: writers }, (_, at) => this.#write(at));
  }

  /** Resolves when the last write has ended. Rejects for an error that is not the engine's. */
  async stop(): Promise<void> {
    this.#stop.abort();
    await Promise.all(this.#writers);
  }

  /** Which acknowledged writes are missing, one line each. */
  async findLost(): Promise<string[]> {
    const lost: string[] = [];
    for (const [key, { acknowledged, unknown }] of this.#expected) {
      const value = await this.#client.getString(key, { consistency: "linearizable" });
      if (value === acknowledged || (unknown !== undefined && value === unknown)) continue;
      lost.push(`${key} holds ${value}, but ${acknowledged} was acknowledged last`);
    }
    return lost;
  }

  close(): Promise<void> {
    return this.#client.close();
  }

  async #write(writer: number): Promise<void> {
    const keys = Array.from({ length: keysPerWriter }, (_, at) => `${this.#name}/${writer}/${at}`);
    for (let count = 0; !this.#stop.signal.aborted; count++) {
      const at = count % keysPerWriter;
      if (!(await this.#put(keys[at]!, String(count)))) keys[at] = `${keys[at]}+`;
      await pause(this.#thinkMs);
    }
  }

  /** False when nobody knows whether it happened. */
  async #put(key: string, value: string): Promise<boolean> {
    const expected = this.#expected.get(key) ?? { acknowledged: undefined, unknown: undefined };
    this.#expected.set(key, expected);
    const calledMs = performance.now();
    try {
      await this.#client.put(key, value, { timeoutMs: writeTimeoutMs });
    } catch (error) {
      if (!isEngineError(error)) throw error;
      this.failures.push(`${error.code}: ${error.message}`);
      if (error.outcome === "unknown") expected.unknown = value;
      return error.outcome !== "unknown";
    }
    expected.acknowledged = value;
    this.acknowledged.count += 1;
    this.onAcknowledged({ calledMs, returnedMs: performance.now() });
    return true;
  }
}
