import type { Clock, NodeId, Transport } from "@d-engine/core";
import { KvStateMachine } from "@d-engine/kv";
import type { DriverOptions } from "../options.js";
import { ManualStorage } from "./manual-storage.js";
import { fill } from "./snapshot-state.js";
import { type KvNodeParts, type RunningKvNode, startKvNode } from "./start-kv-node.js";
import { VirtualClock } from "./virtual-clock.js";
import { VirtualNetwork } from "./virtual-network.js";

const voters = ["a:1", "b:2", "c:3"];

interface Member {
  readonly storage: ManualStorage;
  running: RunningKvNode | undefined;
  kill: () => void;
}

/** Three nodes that can crash and start again, with logs that keep no tail behind a snapshot. */
export class SnapshotCluster {
  readonly clock = new VirtualClock();
  readonly network = new VirtualNetwork(this.clock);
  readonly options: Partial<DriverOptions>;
  readonly #members: readonly Member[];

  constructor(options: Partial<DriverOptions> = {}) {
    this.options = { logTailBytes: 0, snapshotChunkBytes: 1_024, ...options };
    this.#members = voters.map(() => {
      const storage = new ManualStorage(this.clock);
      return { storage, running: undefined, kill: () => undefined };
    });
  }

  /** Starts all, and waits until one of them leads. */
  static async start(options: Partial<DriverOptions> = {}): Promise<SnapshotCluster> {
    const cluster = new SnapshotCluster(options);
    for (const [at] of voters.entries()) await cluster.startNode((at + 1) as NodeId);
    await cluster.clock.advanceUntil(() => cluster.leads() !== undefined);
    return cluster;
  }

  async startNode(
    id: NodeId,
    options: Partial<DriverOptions> = {},
    parts: Pick<KvNodeParts, "store" | "logger"> = {},
  ): Promise<RunningKvNode> {
    const member = this.#member(id);
    const process = { alive: true };
    const starting = startKvNode({
      id,
      voters,
      chance: ((id - 1) * 0.3) % 1,
      clock: this.clock,
      driverClock: mortalClock(this.clock, process),
      transport: mortalTransport(this.network.transport(id), process),
      storage: member.storage,
      store: new KvStateMachine(),
      ...parts,
      options: { ...this.options, ...options },
    });
    let running: RunningKvNode | undefined;
    void starting.then((started) => {
      running = started;
    });
    await this.clock.advanceUntil(() => running !== undefined);
    member.running = await starting;
    member.kill = () => {
      process.alive = false;
    };
    return member.running;
  }

  /** The machine stops at once: what was not synced is gone. */
  crash(id: NodeId): void {
    const member = this.#member(id);
    member.kill();
    member.storage.crash();
    member.running = undefined;
  }

  node(id: NodeId): RunningKvNode {
    const { running } = this.#member(id);
    if (running === undefined) throw new Error(`node ${id} is down`);
    return running;
  }

  storage(id: NodeId): ManualStorage {
    return this.#member(id).storage;
  }

  /** The node that leads and can serve, among those that run. */
  leads(): RunningKvNode | undefined {
    const running = this.#members.flatMap((member) => member.running ?? []);
    const leading = running.filter(({ node }) => node.status().leaderReady);
    leading.sort((a, b) => b.node.status().term - a.node.status().term);
    return leading[0];
  }

  leader(): RunningKvNode {
    const leader = this.leads();
    if (leader === undefined) throw new Error("no leader");
    return leader;
  }

  /** Leaves a node so far behind that it needs a snapshot, still cut off. */
  async leaveBehind(id: NodeId, keys = 200, bytes = 200): Promise<void> {
    this.network.cut(id);
    const leader = this.leader();
    await fill(leader, keys, bytes);
    await this.snapshot(leader);
    await fill(leader, 5, bytes, "after");
  }

  /** Makes the node save a snapshot and purge its log. */
  async snapshot({ node }: RunningKvNode): Promise<void> {
    const before = node.driver.metrics().logPurges;
    node.driver.saveSnapshot().catch(() => undefined);
    await this.clock.advanceUntil(() => node.driver.metrics().logPurges > before, 5_000);
  }

  /** Whether all that run hold the same, all that is committed. */
  agree(): boolean {
    const running = this.#members.flatMap((member) => member.running ?? []);
    const applied = new Set(running.map(({ store }) => store.lastApplied));
    if (applied.size !== 1) return false;
    return new Set(running.map(({ store }) => store.stateHash())).size === 1;
  }

  async agreed(withinMs = 60_000): Promise<boolean> {
    return this.clock.advanceUntil(() => this.agree(), withinMs);
  }

  #member(id: NodeId): Member {
    const member = this.#members[id - 1];
    if (member === undefined) throw new Error(`no node ${id}`);
    return member;
  }
}

/** A node that does not lead. */
export function followerOf(cluster: SnapshotCluster): NodeId {
  const leads = cluster.leader().node.status().nodeId;
  return (leads === 3 ? 2 : 3) as NodeId;
}

interface MortalProcess {
  alive: boolean;
}

/** Nothing that a dead process waits for happens. */
function mortalClock(clock: Clock, process: MortalProcess): Clock {
  const ifAlive = (callback: () => void) => () => {
    if (process.alive) callback();
  };
  return {
    nowMs: () => clock.nowMs(),
    wallMs: () => clock.wallMs(),
    setTimer: (delayMs, callback) => clock.setTimer(delayMs, ifAlive(callback)),
    defer: (callback) => clock.defer(ifAlive(callback)),
  };
}

function mortalTransport(transport: Transport, process: MortalProcess): Transport {
  return {
    start: ({ receive, unreachable }) =>
      transport.start({
        receive: (from, message) => {
          if (process.alive) receive(from, message);
        },
        unreachable,
      }),
    send: (envelope) => {
      if (process.alive) transport.send(envelope);
    },
    setMembers: (members) => transport.setMembers(members),
    close: () => transport.close(),
  };
}
