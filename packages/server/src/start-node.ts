import {
  EngineError,
  type RecoveryProgress,
  type StateMachine,
  type StorageEngine,
} from "@d-engine/core";
import { KvStateMachine } from "@d-engine/kv";
import { nodeFileStorage } from "@d-engine/storage";
import { Driver } from "./driver/driver.js";
import { KvNode } from "./driver/kv-node.js";
import { type Logger, silentLogger } from "./driver/logger.js";
import { NullTransport } from "./driver/null-transport.js";
import { newSingleNodeIdentity } from "./node-identity.js";
import type { ResolvedSettings } from "./options.js";
import { systemClock } from "./system-clock.js";
import { systemRandom } from "./system-random.js";

/** What a start may be given besides settings. */
export interface StartHooks {
  /** Where lines for people go. @defaultValue nowhere */
  readonly logger?: Logger | undefined;
  /** Told several times a second while a long log is read and replayed. */
  readonly onProgress?: ((progress: RecoveryProgress) => void) | undefined;
  /** Ends a start that is under way, which then rejects with its reason. No use afterwards. */
  readonly signal?: AbortSignal | undefined;
}

export interface StartNodeSetup<Result> extends StartHooks {
  readonly storage: StorageEngine;
  readonly stateMachine: StateMachine<Result>;
  readonly settings: ResolvedSettings;
}

/** Starts a node on this process's clock, over any storage and any state machine. */
export async function startNode<Result>(setup: StartNodeSetup<Result>): Promise<Driver<Result>> {
  const { settings, stateMachine, onProgress, signal } = setup;
  const logger = setup.logger ?? silentLogger;
  signal?.throwIfAborted();
  const storage = await setup.storage.open({
    createIdentity: () => newSingleNodeIdentity(settings.address),
    onNotice: (notice) => logger.warn(notice),
    ...(onProgress === undefined ? {} : { onProgress }),
  });
  return Driver.start({
    storage,
    stateMachine,
    transport: new NullTransport(),
    clock: systemClock,
    random: systemRandom,
    raftOptions: settings.raft,
    options: settings.driver,
    logger,
    onProgress,
    signal,
  });
}

/**
 * Starts the key-value store over a data directory, which is made if it is missing.
 *
 * @throws EngineError `DATA_DIR_LOCKED`, `DATA_CORRUPTION`, `VERSION_MISMATCH`, `DISK_FULL`,
 *   `STORAGE_PERMISSION_DENIED`, `STORAGE_IO_ERROR`, or `INVALID_REQUEST` for a bad directory
 */
export async function startKvNode(
  dataDir: string,
  settings: ResolvedSettings,
  hooks: StartHooks = {},
): Promise<KvNode> {
  if (typeof dataDir !== "string" || dataDir === "") {
    throw new EngineError("INVALID_REQUEST", "dataDir must be the path of a directory");
  }
  const store = new KvStateMachine(settings.limits);
  const storage = nodeFileStorage(dataDir, { ...settings.storage, clock: systemClock });
  return new KvNode(await startNode({ ...hooks, storage, stateMachine: store, settings }), store);
}
