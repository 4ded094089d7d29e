import type { Consistency } from "@d-engine/client";
import { encodePut, Slab } from "@d-engine/codec";
import { isEngineError, type RaftStatus } from "@d-engine/core";
import { expect } from "vitest";
import type { SimulatedNode } from "../cluster/simulated-node.js";
import { Run } from "../run.js";
import type { Plan } from "../swarm/plan.js";

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

/** How a call of a script stands. */
export interface Told {
  /** `pending`, `ok`, or the error's code and outcome. */
  status: string;
  value?: string | undefined;
}

/** A cluster that a test drives step by step; every checker watches, and `end` judges. */
export class Script {
  readonly #run: Run;
  readonly #slab = new Slab();

  private constructor(plan: Plan) {
    this.#run = new Run(plan);
    this.#run.begin();
  }

  /** Starts a cluster and waits until it serves. */
  static async start(changes: Partial<Plan> = {}): Promise<Script> {
    const script = new Script({ ...quietPlan, ...changes });
    await script.leader();
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

  /** Heals everything, demands progress and agreement, and judges what clients were answered. */
  async end(): Promise<void> {
    await this.#run.finish();
    this.#expectNoViolation();
  }

  #tell(node: SimulatedNode, call: () => Promise<string | undefined>): Told {
    const told: Told = { status: "pending" };
    expect(node.kv, `node ${node.id} does not run`).toBeDefined();
    node.process?.enter(() => {
      call().then(
        (value) => Object.assign(told, { status: "ok", value }),
        (error: unknown) => {
          told.status = isEngineError(error) ? `${error.code} ${error.outcome}` : String(error);
        },
      );
    });
    return told;
  }

  #expectNoViolation(): void {
    const { witness, world } = this.cluster;
    expect(witness.violation, world.trace.tail(40).join("\n")).toBeUndefined();
  }
}

function bytes(text: string): Uint8Array {
  return Uint8Array.from(text, (char) => char.charCodeAt(0));
}
