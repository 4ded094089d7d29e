import { resolve } from "node:path";
import { parseHostPort } from "@d-engine/client";
import { ENGINE_DEFAULTS, type GrpcServer, startGrpcServer } from "@d-engine/server";
import { EmbeddedEngine, type EngineConfig } from "./embedded-engine.js";

/** An engine's settings, and where it serves. Everything but `dataDir` has a default. */
export interface StandaloneConfig extends Omit<EngineConfig, "address"> {
  /**
   * `host:port` to serve at; port 0 lets the system choose.
   * @defaultValue "127.0.0.1:9081"
   */
  readonly listen?: string;
  /**
   * `host:port` that clients are told for this node.
   * @defaultValue where it listens
   */
  readonly advertise?: string | undefined;
}

/**
 * An engine that serves others over gRPC: an `EmbeddedEngine` and one port.
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
  readonly #server: GrpcServer;

  private constructor(engine: EmbeddedEngine, server: GrpcServer, dataDir: string) {
    this.engine = engine;
    this.#server = server;
    this.dataDir = dataDir;
    // A node whose disk has failed must not keep a port that looks alive.
    void engine.closed.then(() => server.close());
  }

  /**
   * Opens the data directory, replays its log, then listens. The directory comes first, so that a
   * second start on it is told so, and not about the port.
   *
   * @throws EngineError as `EmbeddedEngine.start` does, and `INVALID_ADDRESS` when the port is
   *   busy or an address cannot be used; nothing is left open then
   */
  static async start(config: StandaloneConfig): Promise<StandaloneEngine> {
    const { listen = ENGINE_DEFAULTS.address, advertise, ...engineConfig } = config;
    const { port, text } = parseHostPort(listen, { portMin: 0 });
    const known = advertise === undefined ? text : parseHostPort(advertise).text;
    const address = advertise === undefined && port === 0 ? ENGINE_DEFAULTS.address : known;
    const engine = await EmbeddedEngine.start({ ...engineConfig, address });
    try {
      const server = await startGrpcServer({
        node: engine.localNode,
        listen,
        ...(advertise === undefined ? {} : { advertise }),
        onBug: (error, method) => {
          engineConfig.logger?.error(`a bug, met while answering ${method}`, { error });
        },
      });
      return new StandaloneEngine(engine, server, resolve(config.dataDir));
    } catch (error) {
      await engine.close();
      throw error;
    }
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

  /** `host:port` as bound. */
  get address(): string {
    return this.#server.address;
  }

  /** Resolves when node and port have ended, with the error that ended it. Never rejects. */
  get closed(): Promise<Error | undefined> {
    return this.engine.closed.then(async (error) => {
      await this.#server.close();
      return error;
    });
  }

  /** Lets calls under way finish, then closes the engine. Idempotent; never rejects. */
  async close(): Promise<void> {
    await this.#server.close();
    await this.engine.close();
  }

  /** The same as `close`. */
  stop(): Promise<void> {
    return this.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}
