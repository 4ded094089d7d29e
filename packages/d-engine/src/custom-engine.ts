import type { CallOptions, Consistency } from "@d-engine/client";
import type { StateMachine, StorageEngine } from "@d-engine/core";
import {
  type Driver,
  type EngineSettingsInput,
  resolveSettings,
  type StartHooks,
  startNode,
  wrapOpaque,
} from "@d-engine/server";
import { EngineHandle } from "./engine-handle.js";

/** Settings and hooks of an engine with a storage of its own. */
export type CustomEngineConfig = EngineSettingsInput & StartHooks;

/** What `EmbeddedEngine.startCustom` puts together. */
export interface CustomEngineParts<Result> {
  readonly storage: StorageEngine;
  /** Empty, or as a former run on the same storage left it; fed by this engine alone from now on. */
  readonly stateMachine: StateMachine<Result>;
  readonly config?: CustomEngineConfig;
}

/** A running engine over a state machine, or a storage, of one's own. */
export class CustomEngine<Result> extends EngineHandle<Result> {
  readonly #driver: Driver<Result>;

  private constructor(driver: Driver<Result>) {
    super(driver);
    this.#driver = driver;
  }

  static async start<Result>(parts: CustomEngineParts<Result>): Promise<CustomEngine<Result>> {
    const { storage, stateMachine, config = {} } = parts;
    const { logger, onProgress, signal, ...settings } = config;
    const { driver } = await startNode({
      storage,
      stateMachine,
      settings: resolveSettings(settings),
      logger,
      onProgress,
      signal,
    });
    return new CustomEngine(driver);
  }

  /**
   * Replicates one command; resolves with what the state machine answers once the command is
   * durable on a majority and applied here. The bytes are copied before this returns.
   *
   * Aborting rejects with `signal.reason`, and the command may still take effect; so it may after
   * any error whose `outcome` is `unknown`.
   *
   * @throws EngineError as `EngineClient.put` does
   */
  propose(command: Uint8Array, options?: CallOptions): Promise<Result> {
    return this.#driver.propose(wrapOpaque(command), asIs, options);
  }

  /**
   * Calls `serve` once, synchronously, at a moment at which the state machine is as fresh as
   * `consistency` asks, and resolves with what it returns.
   *
   * @example
   * const total = await engine.read(() => counter.total, { consistency: "linearizable" });
   */
  read<T>(
    serve: () => T,
    options?: CallOptions & { readonly consistency?: Consistency },
  ): Promise<T> {
    return this.#driver.read(serve, options);
  }
}

function asIs<Result>(result: Result): Result {
  return result;
}
