import type { AuthAdmin, ClusterAdmin } from "@d-engine/client";
import {
  type AdminServer,
  EmbeddedAdmin,
  type EngineSettingsInput,
  embeddedAuth,
  type ForwardingClient,
  type GrpcServer,
  type LocalNode,
  nodeClient,
  resolveSettings,
  type StartedKvNode,
  type StartHooks,
  startKvNode,
  type WriteOutcome,
} from "@d-engine/server";
import { CustomEngine, type CustomEngineParts } from "./custom-engine.js";
import { EngineHandle } from "./engine-handle.js";
import { openAdminPort, openPort, type PortConfig, resolvePort } from "./node-port.js";

/** Where the data is, settings, and hooks of the start. Everything but `dataDir` has a default. */
export interface EngineConfig extends Omit<EngineSettingsInput, "address">, PortConfig, StartHooks {
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
  readonly #started: StartedKvNode;
  readonly #server: GrpcServer | undefined;
  readonly #adminServer: AdminServer | undefined;
  readonly #timeoutMs: number;
  #admin: EmbeddedAdmin | undefined;
  #auth: AuthAdmin | undefined;

  private constructor(started: StartedKvNode, ports: OpenPorts, timeoutMs: number) {
    super(started.node.driver);
    this.#started = started;
    this.#server = ports.server;
    this.#adminServer = ports.adminServer;
    this.#timeoutMs = timeoutMs;
    // A node whose disk has failed must not keep a port that looks alive.
    void super.closed.then(() => this.#closePorts());
  }

  /**
   * Opens the data directory, or makes it as a member of a new cluster, and replays its log; then
   * listens, if it is to be reached by others. The directory comes first, so that a second start
   * on it is told so, and not about the port. Resolves when local reads are up to date;
   * `waitReady` tells when writes are taken.
   *
   * @throws EngineError `DATA_DIR_LOCKED` when another engine has the directory, `DATA_CORRUPTION`
   *   with file and offset when stored bytes are not what was written, `VERSION_MISMATCH` for data
   *   of a newer version, `STORAGE_PERMISSION_DENIED`, `DISK_FULL`, `STORAGE_IO_ERROR`,
   *   `INVALID_ADDRESS` when the port is busy or an address cannot be used, and `INVALID_REQUEST`
   *   naming every bad setting; nothing is left open then
   * @example
   * // One of three members, each in its own process:
   * const initialCluster = "1=10.0.0.1:9081,2=10.0.0.2:9081,3=10.0.0.3:9081";
   * await using engine = await EmbeddedEngine.start({ dataDir: "./data", nodeId: 1, initialCluster });
   */
  static async start(config: string | EngineConfig): Promise<EmbeddedEngine> {
    const given: EngineConfig = typeof config === "string" ? { dataDir: config } : config;
    const {
      dataDir,
      logger,
      onProgress,
      signal,
      listen: _,
      advertise,
      adminListen,
      ...rest
    } = given;
    const { listen, address } = resolvePort(given);
    const settings = resolveSettings({ ...rest, address });
    const started = await startKvNode(dataDir, settings, { logger, onProgress, signal });
    let adminServer: AdminServer | undefined;
    try {
      const { snapshotBytesPerSecond, requestTimeoutMs } = settings.driver;
      // First: it tells how a start goes on that waits for the cluster.
      adminServer = await openAdminPort(started, adminListen, logger);
      const server =
        listen === undefined
          ? undefined
          : await openPort(started, listen, advertise, logger, snapshotBytesPerSecond);
      return new EmbeddedEngine(started, { server, adminServer }, requestTimeoutMs);
    } catch (error) {
      await adminServer?.close();
      await started.node.driver.close();
      throw error;
    }
  }

  /**
   * Starts an engine over a storage and a state machine of one's own: a cluster of one.
   *
   * @example
   * const engine = await EmbeddedEngine.startCustom({ storage, stateMachine: new Counter() });
   * await engine.waitReady();
   * const total = await engine.propose(Uint8Array.of(1));
   */
  static startCustom<Result>(parts: CustomEngineParts<Result>): Promise<CustomEngine<Result>> {
    return CustomEngine.start(parts);
  }

  /**
   * A client of this engine: it works on leader, follower and learner alike, and asks the leader
   * where only that can answer. Each call makes one; closing it does not close the engine.
   */
  client(): ForwardingClient {
    return nodeClient(this.#started.node, this.#started.security, this.#timeoutMs);
  }

  /**
   * The administration of the cluster that this engine belongs to: its members, who leads, and
   * backups. It works on leader, follower and learner alike, and lives as long as the engine.
   *
   * @example
   * await engine.admin.addMember({ id: 4, address: "10.0.0.4:9081" });
   */
  get admin(): ClusterAdmin {
    const { node, security } = this.#started;
    this.#admin ??= new EmbeddedAdmin(node, node.driver, security, this.#timeoutMs);
    return this.#admin;
  }

  /**
   * Who may do what in the cluster that this engine belongs to. This program may do everything, and
   * so may its clients; whoever comes in through a port is asked once it is enabled.
   *
   * @example
   * await engine.auth.addUser("root", { password });
   * await engine.auth.grantRole("root", "root");
   * await engine.auth.enable();
   */
  get auth(): AuthAdmin {
    const { node, attempts, security } = this.#started;
    this.#auth ??= embeddedAuth(node, attempts, security, this.#timeoutMs);
    return this.#auth;
  }

  /** `host:port` as bound; `undefined` for an engine that does not listen. */
  get address(): string | undefined {
    return this.#server?.address;
  }

  /** `host:port` where operators are answered, as bound; `undefined` without `adminListen`. */
  get adminAddress(): string | undefined {
    return this.#adminServer?.address;
  }

  /** The operations of this node as servers need them: bytes in, views of the state out. */
  get localNode(): LocalNode {
    return this.#started.node;
  }

  /**
   * Resolves when the engine and its port have ended, with the error that ended the engine, if
   * any. Never rejects.
   */
  override get closed(): Promise<Error | undefined> {
    return super.closed.then(async (error) => {
      await this.#closePorts();
      return error;
    });
  }

  /**
   * Hands leadership on, lets calls under way finish within `closeTimeoutMs`, closes the port,
   * seals the log and releases the data directory. Calls that come later reject with `CLOSED`.
   * Idempotent; never rejects: what went wrong is told by `closed`.
   */
  override async close(): Promise<void> {
    await this.#admin?.close();
    await super.close();
    await this.#closePorts();
  }

  async #closePorts(): Promise<void> {
    await Promise.all([this.#server?.close(), this.#adminServer?.close()]);
  }
}

interface OpenPorts {
  readonly server: GrpcServer | undefined;
  readonly adminServer: AdminServer | undefined;
}
