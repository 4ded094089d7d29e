import {
  LOG_ORIGIN,
  type Member,
  type NodeId,
  type RaftStatus,
  resolveRaftOptions,
} from "@d-engine/core";
import { DRIVER_DEFAULTS } from "@d-engine/server/driver";
import { AppliedOnce } from "../checkers/c2-applied-once.js";
import { EqualStores } from "../checkers/equal-stores.js";
import { oneLeaderATerm } from "../checkers/i1-one-leader-a-term.js";
import { leaderOnlyAppends } from "../checkers/i2-leader-only-appends.js";
import { logMatching } from "../checkers/i3-log-matching.js";
import { leaderCompleteness } from "../checkers/i4-leader-completeness.js";
import { stateMachineSafety } from "../checkers/i5-state-machine-safety.js";
import { nothingGoesBack } from "../checkers/i6-nothing-goes-back.js";
import { durableOnAMajority } from "../checkers/i7-durable-on-a-majority.js";
import { oneChange } from "../checkers/i8-one-change.js";
import { nodeInvariants } from "../checkers/i9-node-invariants.js";
import { nothingUnsyncedIsTold } from "../checkers/i11-nothing-unsynced-is-told.js";
import { EqualStates } from "../checkers/i12-equal-states.js";
import { NodeMirror } from "../checkers/node-mirror.js";
import { Roster } from "../checkers/roster.js";
import { Witness } from "../checkers/witness.js";
import { NodeDisk } from "../disk/node-disk.js";
import { Network } from "../network/network.js";
import { Prng } from "../prng.js";
import type { ClusterPlan, Plan } from "../swarm/plan.js";
import type { StallProfile } from "../world/process-clock.js";
import { World } from "../world/world.js";
import { Coverage } from "./coverage.js";
import { addressOf } from "./node-outside.js";
import { ObservedStore } from "./observed-store.js";
import { type CreateMachine, SimulatedNode } from "./simulated-node.js";

/** Applied entries between two comparisons of states while a run goes on. */
const stateHashEvery = 64;

/** Many times what the longest run takes. */
const eventsMax = 2_000_000;

/** The production store, whose written values name the attempts that wrote them. */
const createStore: CreateMachine = (_nodeId, watch) => new ObservedStore(watch);

/**
 * All nodes of a plan in one world, each watched by every checker.
 *
 * @typeParam P what it was made from: a whole run's plan, or no more than the cluster itself
 */
export class Cluster<P extends ClusterPlan = Plan> {
  readonly plan: P;
  readonly world = new World();
  readonly random: Prng;
  readonly network: Network;
  readonly witness: Witness;
  readonly coverage = new Coverage();
  readonly appliedOnce = new AppliedOnce();
  readonly equalStates = new EqualStates();
  readonly equalStores = new EqualStores(() => this.world.nowMs);
  /** Node n is at n - 1; the last ones may be no members yet. */
  readonly nodes: readonly SimulatedNode[];
  readonly roster: Roster;
  readonly stalls: StallProfile;
  /** Told of a node's status after each event in it, and of that before. */
  onStepped: ((node: SimulatedNode, status: RaftStatus) => void) | undefined;
  /** Told when a process ended by itself. */
  onNodeEnded: ((node: SimulatedNode) => void) | undefined;
  readonly #touched = new Set<SimulatedNode>();
  readonly #createMachine: CreateMachine;

  constructor(plan: P, createMachine: CreateMachine = createStore) {
    this.plan = plan;
    this.#createMachine = createMachine;
    this.random = new Prng(plan.seed, 1);
    this.network = new Network(this.world, plan.network, this.random.split("network"));
    this.stalls = { chance: plan.stallChance, maxMs: plan.raft.electionTimeoutMs * 3 };
    const members = membersOf(plan);
    this.roster = new Roster({ logId: LOG_ORIGIN, members, outgoingVoters: undefined });
    const mirrors = new Map<number, NodeMirror>();
    this.witness = new Witness([
      oneLeaderATerm(),
      leaderOnlyAppends(),
      logMatching(),
      leaderCompleteness(),
      stateMachineSafety(),
      nothingGoesBack(),
      durableOnAMajority(mirrors),
      oneChange(),
      nodeInvariants(),
      nothingUnsyncedIsTold(),
      this.appliedOnce,
      this.equalStores,
    ]);
    const machines = members.length + (plan.spares ?? 0);
    this.nodes = Array.from({ length: machines }, (_, at) =>
      this.#makeNode(at + 1, members, mirrors),
    );
    this.network.onSend = (process, envelope) => {
      this.coverage.sent(envelope.message);
      this.witness.sending(mirrors.get(process.nodeId)!, envelope);
    };
    this.world.afterEvent = () => this.#check();
  }

  node(id: number): SimulatedNode {
    return this.nodes[id - 1]!;
  }

  /** The node that leads in the highest term, if any; in a partition others may lead too. */
  get leader(): SimulatedNode | undefined {
    let best: SimulatedNode | undefined;
    let bestTerm = -1;
    for (const node of this.nodes) {
      const status = node.driver?.status();
      if (status?.role !== "leader" || status.term <= bestTerm) continue;
      best = node;
      bestTerm = status.term;
    }
    return best;
  }

  #makeNode(
    id: number,
    members: readonly Member[],
    mirrors: Map<number, NodeMirror>,
  ): SimulatedNode {
    const { plan, world } = this;
    const random = this.random.split(`node ${id}`);
    const { electionTimeoutMs } = plan.raft;
    return new SimulatedNode({
      id,
      members,
      world,
      network: this.network,
      createDirectory: (number) => {
        const mirror = new NodeMirror(id);
        mirrors.set(id, mirror);
        const name = number === 1 ? "disk" : `disk ${number}`;
        return { disk: new NodeDisk(plan.disk, random.split(name)), mirror };
      },
      enrolled: id <= members.length,
      witness: this.witness,
      raftOptions: resolveRaftOptions(plan.raft),
      driverOptions: {
        ...DRIVER_DEFAULTS,
        ...plan.snapshots,
        closeTimeoutMs: electionTimeoutMs,
      },
      stalls: this.stalls,
      random,
      createMachine: (watch) => this.#createMachine(id, watch),
      entered: (node) => this.#touched.add(node),
      onLog: (node, message) => {
        this.coverage.logged(message);
        world.note("log", node.id, message.length, () => message);
      },
      onState: (node, machine) => this.compareState(node, machine),
      seen: (branch) => this.coverage.add(branch),
      onEnded: (node) => this.onNodeEnded?.(node),
      onMetrics: (metrics) => this.coverage.metrics(metrics),
    });
  }

  /** Looks at every node in which something happened since the event before. */
  #check(): void {
    for (const node of this.#touched) {
      const { driver, machine } = node;
      if (driver === undefined || machine === undefined) continue;
      const status = driver.status();
      this.roster.observe(status);
      this.witness.stepped(node.mirror, status, node.statusBefore);
      this.coverage.stepped(status, node.statusBefore);
      const { lastApplied } = machine;
      const appliedBefore = node.statusBefore?.appliedIndex ?? 0;
      if (
        lastApplied > appliedBefore &&
        Math.floor(lastApplied / stateHashEvery) > Math.floor(appliedBefore / stateHashEvery)
      ) {
        this.compareState(node);
      }
      this.onStepped?.(node, status);
      this.world.trace.digest(status.term * 31 + status.commitIndex);
      node.statusBefore = status;
    }
    this.#touched.clear();
    if (this.world.events > eventsMax) {
      this.witness.report("L4", `${eventsMax} events happened: a storm that does not end`);
    }
    if (this.witness.violation !== undefined) this.world.stop();
  }

  /** Compares the node's state with every other that applied the same entries (I12). */
  compareState(node: SimulatedNode, machine = node.machine): void {
    const hash = machine?.stateHash();
    if (machine === undefined || hash === undefined) return;
    const verdict = this.equalStates.check(node.id, machine.lastApplied, hash);
    if (verdict !== undefined) this.witness.report("I12", verdict);
  }
}

function membersOf(plan: ClusterPlan): Member[] {
  return Array.from({ length: plan.voters + plan.learners }, (_, index) => ({
    id: (index + 1) as NodeId,
    address: addressOf(index + 1),
    status: index < plan.voters ? "active" : index % 2 === 0 ? "readOnly" : "promotable",
  }));
}
