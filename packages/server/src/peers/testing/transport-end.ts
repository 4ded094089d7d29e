import { type LogIndex, type Message, type NodeId, nodeId } from "@d-engine/core";
import { Server, ServerCredentials } from "@grpc/grpc-js";
import { afterEach } from "vitest";
import { FEATURE_LEVEL } from "../../driver/feature-gate.js";
import { silentLogger } from "../../driver/logger.js";
import { GrpcTransport, type GrpcTransportOptions } from "../grpc-transport.js";
import type { PeerIdentity } from "../handshake.js";
import { peerServices } from "../peer-services.js";
import type { SnapshotSource } from "../snapshot-source.js";

interface Received {
  readonly from: NodeId;
  readonly message: Message;
}

/** One end: a transport behind a real server, and what it was told. */
export class End {
  readonly transport: GrpcTransport;
  readonly received: Received[] = [];
  readonly unreachable: NodeId[] = [];
  readonly contacts: PeerIdentity[] = [];
  readonly instances = new Map<NodeId, string>();
  /** The instances that were removed, and by which entry. */
  readonly removals = new Map<string, LogIndex>();
  /** The entries by which this node was told to be removed. */
  readonly toldRemovals: LogIndex[] = [];
  address = "";
  nowMs = 0;
  #server: Server | undefined;
  #waiting: (() => void)[] = [];

  constructor(id: number, clusterId = "c".repeat(32), options: Partial<GrpcTransportOptions> = {}) {
    const identity: PeerIdentity = {
      clusterId,
      nodeId: nodeId(id),
      instanceId: String(id).repeat(32),
      featureLevel: FEATURE_LEVEL,
    };
    this.transport = new GrpcTransport({
      identity,
      directory: {
        instanceOf: (peer) => this.instances.get(peer),
        removalOf: (_, instanceId) => this.removals.get(instanceId),
      },
      onContact: (peer) => this.#note(() => this.contacts.push(peer)),
      logger: silentLogger,
      nowMs: () => this.nowMs,
      random: Math.random,
      electionTimeoutMs: 1000,
      ...options,
    });
    this.transport.start({
      receive: (from, message) => this.#note(() => this.received.push({ from, message })),
      unreachable: (peer) => this.#note(() => this.unreachable.push(peer)),
      removed: (by) => this.#note(() => this.toldRemovals.push(by)),
    });
  }

  async listen(source?: SnapshotSource): Promise<void> {
    this.#server = new Server();
    const { definition, implementation } = peerServices(this.transport, source);
    this.#server.addService(definition, implementation);
    this.address = `127.0.0.1:${await bind(this.#server)}`;
  }

  /** Resolves once `enough` holds; asked again after every event, or in every turn. */
  async until(enough: () => boolean, { poll = false } = {}): Promise<void> {
    while (!enough()) {
      await new Promise<void>((resolve) => {
        if (poll) setImmediate(resolve);
        else this.#waiting.push(resolve);
      });
    }
  }

  async close(): Promise<void> {
    await this.transport.close();
    this.#server?.forceShutdown();
  }

  #note(event: () => void): void {
    event();
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const wake of waiting) wake();
  }
}

/** Closed after the test. */
export const open: End[] = [];
afterEach(async () => {
  await Promise.all(open.splice(0).map((end) => end.close()));
});

export async function cluster(count: number): Promise<End[]> {
  const ends = Array.from({ length: count }, (_, at) => new End(at + 1));
  open.push(...ends);
  await Promise.all(ends.map((end) => end.listen()));
  const members = ends.map(({ address, transport }) => {
    return { id: transport.identity.nodeId, address };
  });
  for (const { transport } of ends) transport.setMembers(members);
  return ends;
}

export async function pair(
  options: {
    readonly secondCluster?: string;
    readonly first?: Partial<GrpcTransportOptions>;
    readonly second?: Partial<GrpcTransportOptions>;
  } = {},
): Promise<[End, End]> {
  const one = new End(1, undefined, options.first);
  const two = new End(2, options.secondCluster, options.second);
  open.push(one, two);
  await Promise.all([one.listen(), two.listen()]);
  const members = [
    { id: nodeId(1), address: one.address },
    { id: nodeId(2), address: two.address },
  ];
  one.transport.setMembers(members);
  two.transport.setMembers(members);
  return [one, two];
}

/** A free port below 32768, so that no ephemeral port of another test can take it. */
async function bind(server: Server): Promise<number> {
  for (let tries = 0; tries < 50; tries++) {
    const port = 20_000 + Math.floor(Math.random() * 12_000);
    const bound = await new Promise<boolean>((resolve) => {
      server.bindAsync(`127.0.0.1:${port}`, ServerCredentials.createInsecure(), (error) =>
        resolve(error === null),
      );
    });
    if (bound) return port;
  }
  throw new Error("no free port found");
}
