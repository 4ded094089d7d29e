import { type ConnectOptions, connectLazilyOver, type RemoteClient } from "@d-engine/client";
import { EngineError, type RoleKind } from "@d-engine/core";
import { type Prng, type SimulatedNode, SimulatedTransport } from "@d-engine/simulator";
import type { FaultCounts, FaultNow } from "./faults/faults.js";
import { SimulatedClock } from "./simulated-clock.js";
import type { Simulation } from "./simulation.js";

/** A node by its id, from 1; or whichever leads, or another voter that runs, at that moment. */
export type NodeTarget = number | "leader" | "follower";

/** One node as it is at this moment. */
export interface SimulatedNodeView {
  readonly id: number;
  readonly address: string;
  /** Whether its process is there; it may still be recovering. */
  readonly running: boolean;
  /** `undefined` while the node is down or recovers. */
  readonly role: RoleKind | undefined;
}

/** How a client of a simulation is made. */
export interface SimulatedClientOptions extends Omit<ConnectOptions, "signal"> {
  /**
   * The node on whose machine the client runs: it is cut off when that node's links are. A client
   * without one reaches every node.
   */
  readonly at?: number;
}

/** The handle that a simulated test has on its cluster. */
export class SimulatedCluster {
  /** Virtual time: what the code under test must use instead of `setTimeout` and `Date`. */
  readonly clock: SimulatedClock;
  /** Chance from the seed: what the code under test must use instead of `Math.random`. */
  readonly random: Prng;
  readonly #simulation: Simulation;
  #clients = 0;

  constructor(simulation: Simulation) {
    this.#simulation = simulation;
    this.clock = new SimulatedClock(simulation.cluster.world);
    this.random = simulation.random.split("test");
  }

  get seed(): number {
    return this.#simulation.options.seed;
  }

  /** Over everything that happened so far; equal at the same point of equal simulations. */
  get hash(): string {
    return this.#simulation.cluster.world.trace.hash;
  }

  /** How many faults of each class struck so far. */
  get faults(): FaultCounts {
    return this.#simulation.faults.counts;
  }

  get nodes(): readonly SimulatedNodeView[] {
    return this.#nodes.map(viewOf);
  }

  /** The node that leads and serves in the highest term; `undefined` while there is none. */
  get leader(): number | undefined {
    const { leader } = this.#simulation.cluster;
    return leader?.driver?.status().leaderReady === true ? leader.id : undefined;
  }

  /**
   * A new client over the production client logic: it follows the leader, retries what is safe,
   * and says `OUTCOME_UNKNOWN` where that is all that can be known.
   */
  client(options: SimulatedClientOptions = {}): RemoteClient {
    const { at = 0, ...connectOptions } = options;
    if (at !== 0) this.#node(at);
    this.#clients += 1;
    const name = `client ${this.#clients}`;
    const random = this.#simulation.random.split(name);
    const { cluster } = this.#simulation;
    const transport = new SimulatedTransport({ cluster, name, place: at, random });
    const ports = { transport, clock: this.clock, random };
    const addresses = this.#nodes.map(({ address }) => address);
    return connectLazilyOver(ports, addresses, connectOptions);
  }

  /** Lets virtual milliseconds pass. */
  advance(durationMs: number): Promise<void> {
    return this.clock.sleep(durationMs);
  }

  /** Lets time pass until `condition` holds; rejects when it does not `withinMs`. */
  async until(condition: () => boolean, withinMs = 60_000): Promise<void> {
    const deadlineMs = this.clock.nowMs() + withinMs;
    while (!condition()) {
      if (this.clock.nowMs() >= deadlineMs) {
        throw new Error(`the awaited condition did not hold within ${withinMs} ms: ${condition}`);
      }
      await this.clock.sleep(untilStepMs);
    }
  }

  /**
   * Kills a node as `kill -9` does, or with `power` as a power cut does, in which what was not
   * synced is lost. It stays down until `restart` or `heal`. Resolves with its id.
   */
  async crash(target: NodeTarget, how: "process" | "power" = "process"): Promise<number> {
    const node = await this.#resolve(target);
    this.#simulation.faults.count("crash", `crash of node ${node.id} (${how})`);
    node.crash(how);
    return node.id;
  }

  /** Starts a node that is down; it recovers from its disk. */
  restart(id: number): void {
    this.#node(id).start();
  }

  /** Lets a node stand still, as a long garbage collection does. Resolves, at once, with its id. */
  async pause(target: NodeTarget, durationMs: number): Promise<number> {
    const node = await this.#resolve(target);
    this.#simulation.faults.count("pause", `pause of node ${node.id} for ${durationMs} ms`);
    node.process?.pause(durationMs);
    return node.id;
  }

  /** Cuts all links of a node, and of the clients that run beside it. Resolves with its id. */
  async isolate(target: NodeTarget): Promise<number> {
    const { id } = await this.#resolve(target);
    this.partition([id]);
    return id;
  }

  /** Cuts all links between nodes of different groups; those that are not named are a group. */
  partition(...groups: readonly (readonly number[])[]): void {
    const { cluster, faults } = this.#simulation;
    for (const id of groups.flat()) this.#node(id);
    const groupOf = (id: number) => groups.findIndex((group) => group.includes(id));
    faults.count("partition", `partition into ${JSON.stringify(groups)} and the rest`);
    for (const { id: from } of this.#nodes) {
      for (const { id: to } of this.#nodes) {
        if (groupOf(from) !== groupOf(to)) cluster.network.cut(from, to);
      }
    }
  }

  /** One fault of any kind strikes now, and ends by itself. Target 0 is whichever leads. */
  inject(fault: FaultNow): void {
    this.#simulation.faults.strike(fault);
  }

  /**
   * Mends every link and disk, starts every node that is down, and lets no fault strike by itself
   * from now on. The cluster then needs a few election timeouts to be as good as new.
   */
  heal(): void {
    this.#simulation.faults.heal();
  }

  /** Adds a line to the events that a failure shows, and to the hash. */
  note(text: string): void {
    this.#simulation.cluster.world.note(`note: ${text}`, 0, 0);
  }

  get #nodes(): readonly SimulatedNode[] {
    return this.#simulation.cluster.nodes;
  }

  #node(id: number): SimulatedNode {
    const node = this.#nodes[id - 1];
    if (node !== undefined) return node;
    throw new EngineError("INVALID_REQUEST", `there is no node ${id}: 1 to ${this.#nodes.length}`);
  }

  /** Waits, if need be, until there is such a node. */
  async #resolve(target: NodeTarget): Promise<SimulatedNode> {
    if (typeof target === "number") return this.#node(target);
    const find = () => (target === "leader" ? this.leader : this.#follower());
    await this.until(() => find() !== undefined);
    return this.#node(find()!);
  }

  #follower(): number | undefined {
    return this.#nodes.find(({ driver }) => driver?.status().role === "follower")?.id;
  }
}

function viewOf({ id, address, process, driver }: SimulatedNode): SimulatedNodeView {
  return { id, address, running: process !== undefined, role: driver?.status().role };
}

const untilStepMs = 10;
