import { resolve } from "node:path";
import { crc32 } from "node:zlib";
import {
  EngineError,
  type NodeIdentity,
  type OpenedStorage,
  type RecoveryProgress,
  type StateMachine,
  type StorageEngine,
} from "@d-engine/core";
import { KvStateMachine } from "@d-engine/kv";
import { nodeClock, nodeFileStorage } from "@d-engine/storage";
import { Attempts } from "./auth/attempts.js";
import { bootstrapIdentity, randomId } from "./bootstrap/initial-cluster.js";
import { settingsThatDisagree } from "./bootstrap/stored-identity.js";
import { type NodePorts, nodePorts } from "./connections/node-ports.js";
import { commandBytesMax } from "./connections/port-settings.js";
import { Driver } from "./driver/driver.js";
import { FEATURE_LEVEL } from "./driver/feature-gate.js";
import { KvNode } from "./driver/kv-node.js";
import { type Logger, silentLogger } from "./driver/logger.js";
import type { StampSource } from "./driver/time/cluster-time.js";
import { kvStamps } from "./driver/time/kv-stamps.js";
import { beginsEmpty, pullFirstSnapshot } from "./join/first-snapshot.js";
import { type Joined, joinCluster } from "./join/join-cluster.js";
import { forgetPendingJoin, pendingInstanceId } from "./join/pending-join.js";
import { KeepAlive } from "./keep-alive.js";
import type { JoinSettings, ResolvedSettings } from "./options.js";
import { GrpcTransport } from "./peers/grpc-transport.js";
import type { PeerIdentity } from "./peers/handshake.js";
import { NodeSecurity } from "./security/node-security.js";
import { FeatureLevels } from "./system/feature-levels.js";
import { InstanceRegistrar } from "./system/instance-registrar.js";
import { SystemStateMachine } from "./system/system-state-machine.js";
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
  /** Of a state machine whose commands are stamped (rule R15). */
  readonly stamps?: StampSource | undefined;
  /**
   * The instance id of a directory that joins a cluster, the same after a crash on the way.
   * @defaultValue one that is drawn at each start
   */
  readonly joinInstanceId?: (() => Promise<string>) | undefined;
}

/** A running node, and the way its peers reach it: hand `peers` to the server of its port. */
export interface StartedNode<Result> {
  readonly driver: Driver<Result>;
  readonly peers: GrpcTransport;
  /** What connections are made and taken with. */
  readonly security: NodeSecurity;
  /** Who has which node id; the server asks it about nodes that join. */
  readonly instances: InstanceRegistrar;
  /** What all members know. */
  readonly features: FeatureLevels;
}

/** A running node of the key-value store. */
export interface StartedKvNode {
  readonly node: KvNode;
  /** Bounds and counts the passwords that are checked here. */
  readonly attempts: Attempts;
  readonly peers: GrpcTransport;
  readonly security: NodeSecurity;
  readonly instances: InstanceRegistrar;
  /** Bounds and counts of the ports that are opened for the node. */
  readonly ports: NodePorts;
}

/** Starts a node on this process's clock and network, over any storage and state machine. */
export async function startNode<Result>(
  setup: StartNodeSetup<Result>,
): Promise<StartedNode<Result>> {
  const { settings, signal } = setup;
  const logger = setup.logger ?? silentLogger;
  signal?.throwIfAborted();
  const security = await NodeSecurity.open(settings.security, logger);
  try {
    return await startSecured(setup, security, logger);
  } catch (error) {
    security.close();
    throw error;
  }
}

async function startSecured<Result>(
  setup: StartNodeSetup<Result>,
  security: NodeSecurity,
  logger: Logger,
): Promise<StartedNode<Result>> {
  const { settings, onProgress, signal } = setup;
  // Between two attempts to join, or to pull, nothing else keeps the process running.
  const storage = await new KeepAlive().during(openStorage(setup, security, logger));
  const stateMachine = new SystemStateMachine(setup.stateMachine, storage.identity.bootstrap);
  const contacts = new Contacts();
  const peers = peerTransport(settings, storage, { stateMachine, contacts, security, logger });
  const driver = await Driver.start({
    storage,
    stateMachine,
    stamps: setup.stamps,
    transport: peers,
    clock: nodeClock,
    random: systemRandom,
    crc32,
    raftOptions: settings.raft,
    options: settings.driver,
    commandBytesMax: commandBytesMax(settings.ports.requestBytesMax, settings.storage.segmentBytes),
    logger,
    onProgress,
    signal,
  });
  const registrar = new InstanceRegistrar({
    self: peers.identity,
    directory: stateMachine,
    leader: driver.leader,
    isMember: (id) => driver.status().configuration.members.some((member) => member.id === id),
    propose: (command) => driver.proposeSystem(command),
    logger,
  });
  const features = new FeatureLevels({
    self: peers.identity.nodeId,
    recorded: () => stateMachine.level,
    configuration: () => driver.status().configuration,
    announced: (id) => peers.featureLevelOf(id),
    propose: (command) => driver.proposeSystem(command),
    logger,
  });
  contacts.listener = (peer) => registrar.contact(peer);
  void driver.closed.then(() => {
    registrar.close();
    security.close();
  });
  return { driver, peers, security, instances: registrar, features };
}

/** Opens the storage, made for a node that founds a cluster or joins one if it is new. */
async function openStorage<Result>(
  setup: StartNodeSetup<Result>,
  security: NodeSecurity,
  logger: Logger,
): Promise<OpenedStorage> {
  const { settings, signal } = setup;
  const { join } = settings;
  let isNew = false;
  let joined: Joined | undefined;
  const openOptions = {
    createIdentity: async () => {
      isNew = true;
      if (join === undefined) return bootstrapIdentity(settings);
      joined = await askToJoin(setup, join, security, logger);
      return joined.identity;
    },
    onNotice: (notice: string) => logger.warn(notice),
    ...(setup.onProgress === undefined ? {} : { onProgress: setup.onProgress }),
  };
  const storage = await setup.storage.open(openOptions);
  if (!isNew) {
    for (const line of settingsThatDisagree(settings, storage.identity)) logger.warn(line);
  }
  // After a crash on the way nobody says whether there is a snapshot; the leader makes one then.
  const known: Joined | undefined = joined;
  const wanted = beginsEmpty(storage) && (known === undefined || known.hasSnapshot);
  if (join === undefined || !wanted) return storage;
  const endpoints = [...(known === undefined ? [] : [known.leader]), ...join.endpoints];
  const first = { storage, endpoints, crc32, security, logger, signal };
  let pulled = false;
  try {
    pulled = await pullFirstSnapshot(first);
  } catch (error) {
    await storage.close();
    throw error;
  }
  if (!pulled) return storage;
  await storage.close();
  return await setup.storage.open(openOptions);
}

async function askToJoin<Result>(
  { settings, joinInstanceId, signal }: StartNodeSetup<Result>,
  { endpoints, joinAs, timeoutMs }: JoinSettings,
  security: NodeSecurity,
  logger: Logger,
): Promise<Joined> {
  const { nodeId, address } = settings;
  const instanceId = await (joinInstanceId?.() ?? randomId());
  const who = { nodeId, address, joinAs, instanceId };
  const ports = { clock: nodeClock, security, logger, signal };
  // Between two attempts there is nothing else that would keep the process alive.
  return await new KeepAlive().during(joinCluster({ ...who, endpoints, timeoutMs, ...ports }));
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
): Promise<StartedKvNode> {
  if (typeof dataDir !== "string" || dataDir === "") {
    throw new EngineError("INVALID_REQUEST", "dataDir must be the path of a directory");
  }
  const store = new KvStateMachine(settings.limits);
  const storage = nodeFileStorage(dataDir, { ...settings.storage, clock: nodeClock });
  const directory = resolve(dataDir);
  const joinInstanceId = (): Promise<string> => pendingInstanceId(directory);
  const stamps = kvStamps(store);
  const parts = { ...hooks, storage, stateMachine: store, stamps, settings, joinInstanceId };
  const { driver, peers, security, instances, features } = await startNode(parts);
  if (settings.join !== undefined) await forgetPendingJoin(directory);
  const node = new KvNode(driver, store, features, settings.watch);
  const nowMs = (): number => nodeClock.nowMs();
  const ports = nodePorts(settings.ports, hooks.logger ?? silentLogger, nowMs);
  return { node, attempts: new Attempts(nowMs), peers, security, instances, ports };
}

/** Takes contacts in from the first message on, before anybody can record them. */
class Contacts {
  listener: ((peer: PeerIdentity) => void) | undefined;
}

interface TransportParts {
  readonly stateMachine: SystemStateMachine<unknown>;
  readonly contacts: Contacts;
  readonly security: NodeSecurity;
  readonly logger: Logger;
}

function peerTransport(
  settings: ResolvedSettings,
  storage: OpenedStorage,
  { stateMachine: directory, contacts, security, logger }: TransportParts,
): GrpcTransport {
  const { clusterId, nodeId, instanceId }: NodeIdentity = storage.identity;
  return new GrpcTransport({
    identity: { clusterId, nodeId, instanceId, featureLevel: FEATURE_LEVEL },
    directory,
    security,
    onContact: (peer) => contacts.listener?.(peer),
    logger,
    nowMs: () => nodeClock.nowMs(),
    random: () => systemRandom.next(),
    electionTimeoutMs: settings.raft.electionTimeoutMs,
  });
}
