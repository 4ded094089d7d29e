import {
  type Clock,
  LOG_ORIGIN,
  type LogIndex,
  type NodeId,
  resolveRaftOptions,
  type Transport,
} from "@d-engine/core";
import { KvStateMachine } from "@d-engine/kv";
import { tableCrc32 } from "@d-engine/storage";
import { Driver } from "../driver.js";
import { KvNode } from "../kv-node.js";
import type { Logger } from "../logger.js";
import { NullTransport } from "../null-transport.js";
import { DRIVER_DEFAULTS, type DriverOptions } from "../options.js";
import { kvStamps } from "../time/kv-stamps.js";
import { ManualStorage } from "./manual-storage.js";
import { VirtualClock } from "./virtual-clock.js";
import { VirtualNetwork } from "./virtual-network.js";

export interface KvNodeParts {
  readonly clock?: VirtualClock;
  /** What the driver sees of the time. @defaultValue `clock` */
  readonly driverClock?: Clock;
  readonly storage?: ManualStorage;
  readonly store?: KvStateMachine;
  readonly transport?: Transport;
  readonly logger?: Logger;
  readonly options?: Partial<DriverOptions>;
  readonly signal?: AbortSignal;
  /** @defaultValue 1 */
  readonly id?: number;
  /** From which this node draws its election timeouts. @defaultValue 0.5 */
  readonly chance?: number;
  /** Addresses of the voters, node 1 first. */
  readonly voters?: readonly string[];
  /** The entry that added this node. @defaultValue 0 */
  readonly joinedAt?: number;
}

export interface RunningKvNode {
  readonly clock: VirtualClock;
  readonly storage: ManualStorage;
  readonly store: KvStateMachine;
  readonly node: KvNode;
}

/** Starts the production driver over a virtual clock and a disk in memory. */
export async function startKvNode(parts: KvNodeParts = {}): Promise<RunningKvNode> {
  const clock = parts.clock ?? new VirtualClock();
  const storage = parts.storage ?? new ManualStorage(clock);
  const store = parts.store ?? new KvStateMachine();
  const voters = parts.voters ?? ["127.0.0.1:9081"];
  const driver = await Driver.start({
    storage: await storage.open({
      createIdentity: () => ({
        nodeId: (parts.id ?? 1) as NodeId,
        clusterId: "c".repeat(32),
        instanceId: "1".repeat(32),
        bootstrap: {
          logId: LOG_ORIGIN,
          members: voters.map((address, at) => ({
            id: (at + 1) as NodeId,
            address,
            status: "active",
          })),
          outgoingVoters: undefined,
        },
        joinedAt: (parts.joinedAt ?? 0) as LogIndex,
      }),
    }),
    stateMachine: store,
    stamps: kvStamps(store),
    transport: parts.transport ?? new NullTransport(),
    clock: parts.driverClock ?? clock,
    crc32: tableCrc32,
    random: { next: () => parts.chance ?? 0.5 },
    raftOptions: resolveRaftOptions({}),
    options: { ...DRIVER_DEFAULTS, ...parts.options },
    logger: parts.logger,
    signal: parts.signal,
  });
  return { clock, storage, store, node: new KvNode(driver, store) };
}

/** The same, once it leads and can serve. */
export async function startLeader(parts: KvNodeParts = {}): Promise<RunningKvNode> {
  const running = await startKvNode(parts);
  const led = await running.clock.advanceUntil(
    () => running.node.driver.leader.current !== undefined,
  );
  if (!led) throw new Error("no leader within a minute");
  return running;
}

export interface Cluster {
  readonly clock: VirtualClock;
  readonly network: VirtualNetwork;
  /** Node 1 first. */
  readonly nodes: readonly RunningKvNode[];
  /** The node that leads and can serve, if there is exactly one. */
  leader(): RunningKvNode | undefined;
}

/** Starts three nodes that elect one of them, node 1 as a rule. */
export async function startCluster(options?: Partial<DriverOptions>): Promise<Cluster> {
  const clock = new VirtualClock();
  const network = new VirtualNetwork(clock);
  const voters = ["a:1", "b:2", "c:3"];
  const nodes: RunningKvNode[] = [];
  for (const [at] of voters.entries()) {
    const transport = network.transport((at + 1) as NodeId);
    const parts = { clock, transport, voters, id: at + 1, chance: at * 0.3 };
    nodes.push(await startKvNode(options === undefined ? parts : { ...parts, options }));
  }
  const leader = (): RunningKvNode | undefined => {
    const leading = nodes.filter(({ node }) => node.status().leaderReady);
    return leading.length === 1 ? leading[0] : undefined;
  };
  await clock.advanceUntil(() => leader() !== undefined);
  return { clock, network, nodes, leader };
}
