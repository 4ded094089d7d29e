import { resolve } from "node:path";
import type { MembershipSnapshot } from "@d-engine/client";
import { ENGINE_DEFAULTS } from "@d-engine/server";
import { EmbeddedEngine, type EngineConfig } from "./embedded-engine.js";

/** Like the configuration of an embedded engine, but it always listens. */
export type StandaloneConfig = EngineConfig;

/**
 * An engine that serves others over gRPC: an `EmbeddedEngine` with its port open, at
 * `127.0.0.1:9081` unless told otherwise.
 *
 * @example
 * await using server = await StandaloneEngine.start({ dataDir: "./data", listen: "127.0.0.1:9081" });
 * console.log(`listening on ${server.address}`);
 */
export class StandaloneEngine implements AsyncDisposable {
  /** The engine behind the port, for use in this process. */
  readonly engine: EmbeddedEngine;
  /** Absolute path of the data directory. */
  readonly dataDir: string;
  /** `host:port` as bound. */
  readonly address: string;

  private constructor(engine: EmbeddedEngine, address: string, dataDir: string) {
    this.engine = engine;
    this.address = address;
    this.dataDir = dataDir;
  }

  /** Starts and listens. Rejects as `EmbeddedEngine.start` does; nothing is left open then. */
  static async start(config: StandaloneConfig): Promise<StandaloneEngine> {
    const alone = config.listen === undefined && config.initialCluster === undefined;
    const listening = alone ? { ...config, listen: ENGINE_DEFAULTS.address } : config;
    const engine = await EmbeddedEngine.start(listening);
    return new StandaloneEngine(engine, engine.address ?? "", resolve(config.dataDir));
  }

  /**
   * Starts, serves until `signal` aborts, and closes. Rejects with the error of a start that
   * failed, or with the one that ended the node.
   */
  static async run(config: StandaloneConfig & { readonly signal: AbortSignal }): Promise<void> {
    const { signal } = config;
    const server = await StandaloneEngine.start(config);
    const close = (): void => void server.close();
    signal.addEventListener("abort", close, { once: true });
    if (signal.aborted) close();
    const error = await server.closed;
    signal.removeEventListener("abort", close);
    if (error !== undefined) throw error;
  }

  /** Resolves when node and port have ended, with the error that ended it. Never rejects. */
  get closed(): Promise<Error | undefined> {
    return this.engine.closed;
  }

  /** As `EmbeddedEngine.watchMembership`. */
  watchMembership(): AsyncIterableIterator<MembershipSnapshot> {
    return this.engine.watchMembership();
  }

  /** Hands leadership on, lets calls under way finish, and closes. Idempotent; never rejects. */
  close(): Promise<void> {
    return this.engine.close();
  }

  /** The same as `close`. */
  stop(): Promise<void> {
    return this.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}
