import {
  EmbeddedClient,
  type EngineSettingsInput,
  type KvNode,
  type LocalNode,
  resolveSettings,
  type StartHooks,
  startKvNode,
  type WriteOutcome,
} from "@d-engine/server";
import { CustomEngine, type CustomEngineParts } from "./custom-engine.js";
import { EngineHandle } from "./engine-handle.js";

/** Where the data is, settings, and hooks of the start. Everything but `dataDir` has a default. */
export interface EngineConfig extends EngineSettingsInput, StartHooks {
  /** Directory of the data; made if it is missing. One engine at a time can have it. */
  readonly dataDir: string;
}

/**
 * The key-value engine inside this process: durable, and the whole of it in one directory.
 *
 * @example
 * await using engine = await EmbeddedEngine.start("./data");
 * await engine.waitReady({ timeoutMs: 5_000 });
 * const client = engine.client();
 * await client.put("config/rate", "100");
 */
export class EmbeddedEngine extends EngineHandle<WriteOutcome> {
  readonly #node: KvNode;

  private constructor(node: KvNode) {
    super(node.driver);
    this.#node = node;
  }

  /**
   * Opens the data directory, or makes it as the only voter of a new cluster, and replays its log.
   * Resolves when local reads are up to date; `waitReady` tells when writes are taken.
   *
   * @throws EngineError `DATA_DIR_LOCKED` when another engine has the directory, `DATA_CORRUPTION`
   *   with file and offset when stored bytes are not what was written, `VERSION_MISMATCH` for data
   *   of a newer version, `STORAGE_PERMISSION_DENIED`, `DISK_FULL`, `STORAGE_IO_ERROR`, and
   *   `INVALID_REQUEST` naming every bad setting
   */
  static async start(config: string | EngineConfig): Promise<EmbeddedEngine> {
    const given: EngineConfig = typeof config === "string" ? { dataDir: config } : config;
    const { dataDir, logger, onProgress, signal, ...settings } = given;
    const hooks = { logger, onProgress, signal };
    return new EmbeddedEngine(await startKvNode(dataDir, resolveSettings(settings), hooks));
  }

  /**
   * Starts an engine over a storage and a state machine of one's own.
   *
   * @example
   * const engine = await EmbeddedEngine.startCustom({ storage, stateMachine: new Counter() });
   * await engine.waitReady();
   * const total = await engine.propose(Uint8Array.of(1));
   */
  static startCustom<Result>(parts: CustomEngineParts<Result>): Promise<CustomEngine<Result>> {
    return CustomEngine.start(parts);
  }

  /** A client of this engine. Each call makes one; closing it does not close the engine. */
  client(): EmbeddedClient {
    return new EmbeddedClient(this.#node);
  }

  /** The operations of this node as servers need them: bytes in, views of the state out. */
  get localNode(): LocalNode {
    return this.#node;
  }
}
