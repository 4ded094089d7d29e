import { type Consistency, connectLazilyOver, type RemoteClient } from "@d-engine/client";
import { encodePut, Slab } from "@d-engine/codec";
import {
  type Entry,
  isEngineError,
  type LogIndex,
  type MembershipChange,
  type NodeId,
  type RaftStatus,
  type Term,
} from "@d-engine/core";
import { expect } from "vitest";
import { SimulatedTransport } from "../client/simulated-transport.js";
import type { SimulatedNode } from "../cluster/simulated-node.js";
import { Run } from "../run.js";
import type { Plan } from "../swarm/plan.js";
import { WorldClock } from "../world/world-clock.js";
import { MessageGate } from "./message-gate.js";

/** A quiet cluster of three with two clients: what scripts begin with. */
export const quietPlan: Plan = {
  seed: 1,
  voters: 3,
  learners: 0,
  raft: {
    electionTimeoutMs: 500,
    heartbeatIntervalMs: 50,
    appendEntriesMax: 64,
    inflightMessagesMax: 8,
    logCacheBytes: 1024 * 1024,
  },
  network: { latencyMs: 1, jitterMs: 0.5, reorder: false },
  disk: { syncMs: 1, segmentBytes: 64 * 1024 },
  stallChance: 0,
  workload: {
    clients: 2,
    routedClients: 1,
    keys: 3,
    thinkMs: 20,
    timeoutMs: 1_000,
    paddingBytes: 0,
    mix: { put: 1, get: 1, cas: 0.5, delete: 0.2 },
    consistency: { linearizable: 1, lease: 1, eventual: 0.3 },
  },
  faultyMs: 0,
  faults: [],
  ending: { kind: "healAll" },
};

/** A snapshot every few entries, none of the log behind it, sent in many small pieces. */
export const snapshotPlan = {
  disk: { syncMs: 1, segmentBytes: 8 * 1024, snapshotsKept: 1 },
  snapshots: {
    snapshotEntries: 40,
    snapshotLogBytes: 1024 * 1024,
    logTailBytes: 0,
    logBytesMax: 64 * 1024 * 1024,
    snapshotChunkBytes: 512,
    snapshotWindowChunks: 1,
    snapshotTransfersMax: 2,
    snapshotBytesPerSecond: 0,
  },
} as const satisfies Partial<Plan>;

/** How a call of a script stands. */
export interface Told {
  /** `pending`, `ok`, or the error's code and outcome. */
  status: string;
  value?: string | undefined;
}

/** A cluster that a test drives step by step; every checker watches, and `end` judges. */
export class Script {
  readonly gate: MessageGate;
  readonly #run: Run;
  readonly #slab = new Slab();
  /** Values written by `fill`, each once. */
  #filled = 0;
  /** Whether the clients of the plan have not begun. */
  #calm = true;

  private constructor(plan: Plan) {
    this.#run = new Run(plan);
    this.gate = new MessageGate(this.#run.cluster.network);
  }

  /** Starts a cluster and waits until it serves. Clients call it all the time. */
  static async start(changes: Partial<Plan> = {}): Promise<Script> {
    const script = new Script({ ...quietPlan, ...changes });
    script.#calm = false;
    script.#run.begin();
    await script.leader();
    return script;
  }

  /** The same without clients before the end: nothing is written but by the script. */
  static async startCalm(changes: Partial<Plan> = {}): Promise<Script> {
    const script = new Script({ ...quietPlan, ...changes });
    for (const node of script.cluster.nodes) node.start();
    await script.leader();
    return script;
  }

  /**
   * A cluster without clients whose nodes, lowest id first, hold noops of these terms and have
   * been in term `term`. No node runs yet.
   */
  static async withLogs(logs: readonly (readonly number[])[], term: number): Promise<Script> {
    const script = new Script({ ...quietPlan, voters: logs.length });
    const hardState = { term: term as Term, votedFor: undefined, minElectionTimeoutMs: 1 };
    let left = logs.length;
    for (const [at, terms] of logs.entries()) {
      const entries = terms.map((of, index): Entry => {
        return { term: of as Term, index: (index + 1) as LogIndex, payload: { kind: "noop" } };
      });
      void script
        .node(at + 1)
        .prepareLog(hardState, entries)
        .then(() => {
          left -= 1;
        });
    }
    await script.until("the logs", () => left === 0);
    return script;
  }

  get cluster() {
    return this.#run.cluster;
  }

  get electionTimeoutMs(): number {
    return this.cluster.plan.raft.electionTimeoutMs;
  }

  node(id: number): SimulatedNode {
    return this.cluster.node(id);
  }

  status(node: SimulatedNode): RaftStatus {
    const status = node.kv?.driver.status();
    expect(status, `node ${node.id} does not run`).toBeDefined();
    return status!;
  }

  /** The other nodes, lowest id first. */
  others(...nodes: readonly SimulatedNode[]): readonly SimulatedNode[] {
    return this.cluster.nodes.filter((node) => !nodes.includes(node));
  }

  async advance(durationMs: number): Promise<void> {
    const { world } = this.cluster;
    await world.run(world.nowMs + durationMs);
    this.#expectNoViolation();
  }

  /** Lets time pass until `done`; fails after `withinMs`. */
  async until(what: string, done: () => boolean, withinMs = 20_000): Promise<void> {
    const { world } = this.cluster;
    const came = await world.run(world.nowMs + withinMs, done);
    this.#expectNoViolation();
    expect(came, `${what} did not come about within ${withinMs} ms`).toBe(true);
  }

  /** The node that leads and serves, of these or of all. */
  async leader(among: readonly SimulatedNode[] = this.cluster.nodes): Promise<SimulatedNode> {
    const serving = () => among.find((node) => node.kv?.driver.status().leaderReady === true);
    await this.until("a leader", () => serving() !== undefined);
    return serving()!;
  }

  /** Lets no node but this one ask for votes, until the answer is called. */
  letCampaign(only: SimulatedNode): () => void {
    return this.gate.drop(
      ({ from, message }) =>
        from !== only.id && (message.kind === "preVote" || message.kind === "requestVote"),
    );
  }

  /** Cuts every link between the two sides, in both directions. */
  separate(left: readonly SimulatedNode[], right: readonly SimulatedNode[]): void {
    for (const a of left) {
      for (const b of right) {
        this.cluster.network.cut(a.id, b.id);
        this.cluster.network.cut(b.id, a.id);
      }
    }
  }

  /** Cuts what `from` sends to the others, that direction alone. */
  silence(from: SimulatedNode): void {
    for (const to of this.others(from)) this.cluster.network.cut(from.id, to.id);
  }

  /** Cuts what the others send to `to`, that direction alone. */
  deafen(to: SimulatedNode): void {
    for (const from of this.others(to)) this.cluster.network.cut(from.id, to.id);
  }

  /** Calls the node's write; the answer fills itself in. */
  put(node: SimulatedNode, key: string, value: string, timeoutMs = 5_000): Told {
    const command = encodePut(this.#slab, bytes(key), bytes(value));
    return this.#tell(node, async () => {
      await node.kv!.write(command, { timeoutMs });
      return undefined;
    });
  }

  get(node: SimulatedNode, key: string, consistency: Consistency, timeoutMs = 5_000): Told {
    return this.#tell(node, async () => {
      const [value] = await node.kv!.read([bytes(key)], { consistency, timeoutMs });
      return value === undefined ? undefined : String.fromCharCode(...value);
    });
  }

  /** Asks the node to hand leadership over. */
  transfer(node: SimulatedNode, target: SimulatedNode): Told {
    return this.#tell(node, async () => {
      await node.kv!.driver.transferLeadership(target.id as NodeId);
      return undefined;
    });
  }

  /** Asks the node to change the members. */
  change(node: SimulatedNode, change: MembershipChange, version?: number): Told {
    const options = version === undefined ? {} : { version: version as LogIndex };
    return this.#tell(node, async () => {
      const { members } = await node.driver!.changeMembership(change, options);
      return members.map(({ id, status }) => `${id} ${status}`).join(", ");
    });
  }

  /** Adds a node under this id, with an empty directory, and starts it. */
  async join(id: number, status: "promotable" | "readOnly" = "promotable"): Promise<SimulatedNode> {
    const leader = await this.leader();
    const node = this.node(id);
    if (node.isEnrolled) node.retire();
    const add = { kind: "addNode", nodeId: id as NodeId, address: node.address, status } as const;
    const told = this.change(leader, add);
    await this.until("the addition", () => told.status === "ok");
    await node.prepareJoin(leader.driver!.configuration.logId.index, undefined);
    node.start();
    return node;
  }

  /** Makes the node's log and state that much longer, write by write. */
  async fill(node: SimulatedNode, count: number, key = "x"): Promise<void> {
    const calls = Array.from({ length: count }, (_, i) => {
      this.#filled += 1;
      return this.put(node, `${key}${i % 20}`, `${this.#filled} `.padEnd(240, "filler "));
    });
    await this.until("the writes", () => calls.every(({ status }) => status === "ok"));
  }

  /** The members that the node holds to be in effect, by id and status. */
  members(node: SimulatedNode): string {
    const { members, outgoingVoters } = this.status(node).configuration;
    const text = members.map(({ id, status }) => `${id} ${status}`).join(", ");
    return outgoingVoters === undefined ? text : `${text}, leaving ${outgoingVoters.join(", ")}`;
  }

  /** A client of the cluster that programs use over the network. */
  client(): RemoteClient {
    const { cluster } = this;
    const random = cluster.random.split("script");
    const transport = new SimulatedTransport({ cluster, name: "script", place: 0, random });
    const ports = { transport, clock: new WorldClock(cluster.world), random };
    const addresses = cluster.nodes.map(({ address }) => address);
    return connectLazilyOver(ports, addresses, {});
  }

  /** How a call of a client stands. */
  tell(call: () => Promise<string | undefined>): Told {
    const told: Told = { status: "pending" };
    call().then(
      (value) => Object.assign(told, { status: "ok", value }),
      (error: unknown) => {
        told.status = isEngineError(error) ? `${error.code} ${error.outcome}` : String(error);
      },
    );
    return told;
  }

  /** Heals everything, demands progress and agreement, and judges what clients were answered. */
  async end(): Promise<void> {
    this.cluster.network.gate = undefined;
    if (this.#calm) this.#startClients();
    await this.#run.finish();
    this.#expectNoViolation();
  }

  #startClients(): void {
    this.#calm = false;
    this.#run.startClients();
  }

  #tell(node: SimulatedNode, call: () => Promise<string | undefined>): Told {
    expect(node.kv, `node ${node.id} does not run`).toBeDefined();
    const { process } = node;
    return this.tell(
      () =>
        new Promise((resolve, reject) => {
          process?.enter(() => {
            call().then(resolve, reject);
          });
        }),
    );
  }

  #expectNoViolation(): void {
    const { witness, world } = this.cluster;
    expect(witness.violation, world.trace.tail(40).join("\n")).toBeUndefined();
  }
}

function bytes(text: string): Uint8Array {
  return Uint8Array.from(text, (char) => char.charCodeAt(0));
}
