import { assertNever } from "@d-engine/core";
import type { Cluster } from "../cluster/cluster.js";
import type { SimulatedNode } from "../cluster/simulated-node.js";
import { Ambushes, ambushAtElection, ambushOf } from "./ambushes.js";
import { MemberChanger } from "./change-members.js";
import type { BrokenNode, ClusterPlan, Fault, PartitionShape } from "./plan.js";

/** Makes a plan's faults happen at their time, and ends them at theirs, or all at once. */
export class FaultInjector {
  readonly #cluster: Cluster<ClusterPlan>;
  /** Nodes that a plan breaks at its end; with them a minority of the voters may be damaged. */
  readonly #brokenAtEnd: readonly BrokenNode[];
  readonly #members: MemberChanger;
  readonly #ambushes = new Ambushes();
  /** Until this is over, nothing may be started or mended any more. */
  #healed = false;

  constructor(cluster: Cluster<ClusterPlan>, brokenAtEnd: readonly BrokenNode[] = []) {
    this.#cluster = cluster;
    this.#brokenAtEnd = brokenAtEnd;
    this.#members = new MemberChanger(cluster);
    cluster.onStepped = (node, status) => this.#ambushes.stepped(node, status);
  }

  /** Plans every fault, counted from now. */
  plan(faults: readonly Fault[]): void {
    for (const fault of faults) {
      this.#cluster.world.schedule(fault.atMs, () => {
        if (!this.#healed) this.#strike(fault);
      });
    }
  }

  /**
   * Ends every fault but those of `wanted` that leave a quorum of the members as they are by now.
   * These last for ever from now on, and are the answer.
   */
  heal(wanted: readonly BrokenNode[]): readonly BrokenNode[] {
    const { network, nodes, world, stalls } = this.#cluster;
    const broken = this.#bearable(wanted);
    this.#healed = true;
    this.#members.stop();
    this.#ambushes.clear();
    // What was asked to end before, and does so only now, is started like the others.
    this.#cluster.onNodeEnded = (node) => world.schedule(startRetryMs, () => node.start());
    world.note("heal", 0, broken.length, () => JSON.stringify(broken));
    network.heal();
    stalls.chance = 0;
    for (const node of nodes) {
      node.disk.heal();
      const how = broken.find(({ id }) => id === node.id)?.how;
      if (how === "crashed") node.crash("power");
      else node.start();
      if (how !== undefined && how !== "crashed")
        this.#partition(partitionShapes[how], node.id, []);
    }
    return broken;
  }

  #bearable(wanted: readonly BrokenNode[]): readonly BrokenNode[] {
    const { nodes, roster } = this.#cluster;
    const lost = new Set(nodes.filter(({ isDamaged }) => isDamaged).map(({ id }) => id));
    return wanted.filter(({ id }) => {
      if (!roster.isQuorum((other) => other !== id && !lost.has(other))) return false;
      lost.add(id);
      return true;
    });
  }

  #strike(fault: Fault): void {
    const { world, network, nodes } = this.#cluster;
    const target = "target" in fault ? this.#resolve(fault.target) : undefined;
    world.note(`fault: ${fault.kind}`, target?.id ?? 0, 0, () => JSON.stringify(fault));
    switch (fault.kind) {
      case "crash":
        this.#crash(target!, fault.how, fault.downMs);
        return;
      case "crashAll":
        for (const node of nodes) this.#crash(node, fault.how, fault.downMs);
        return;
      case "restart":
        target!.shutDown();
        this.#startLater(target!, fault.downMs);
        return;
      case "pause":
        target!.process?.pause(fault.durationMs);
        return;
      case "partition": {
        const mend = this.#partition(fault.shape, target!.id, fault.side);
        this.#later(fault.durationMs, mend);
        return;
      }
      case "loss":
      case "duplicates":
      case "strays":
      case "damage": {
        const rate = rateOf[fault.kind];
        network.faults[rate] = fault.rate;
        this.#later(fault.durationMs, () => {
          network.faults[rate] = 0;
        });
        return;
      }
      case "slowLink":
        network.slow(fault.from, fault.to, fault.factor);
        this.#later(fault.durationMs, () => network.slow(fault.from, fault.to, 1));
        return;
      case "clockRate":
        target!.clock.rate = fault.rate;
        return;
      case "wallJump":
        target!.clock.wallOffsetMs += fault.byMs;
        return;
      case "slowDisk": {
        const { disk } = target!;
        disk.slowness = fault.factor;
        this.#later(fault.durationMs, () => {
          disk.slowness = 1;
        });
        return;
      }
      case "diskFull": {
        const { disk } = target!;
        disk.limitRoom(fault.roomBytes);
        this.#later(fault.durationMs, () => disk.limitRoom(Number.POSITIVE_INFINITY));
        return;
      }
      case "diskFailure":
        target!.disk.failNext();
        this.#startLater(target!, fault.downMs + startRetryMs);
        return;
      case "ambush":
        this.#lieInWait(fault);
        return;
      case "members":
        if (fault.atElection) {
          this.#ambushes.lay(ambushAtElection((node) => this.#members.strike(fault, node)));
        } else this.#members.strike(fault, target!);
        return;
      case "bitFlip":
        this.#damage(target!);
        this.#startLater(target!, fault.downMs);
        return;
      default:
        assertNever(fault);
    }
  }

  /** Kills the node, and damages its log where a majority of the voters stays sound for good. */
  #damage(node: SimulatedNode): void {
    const { nodes, roster } = this.#cluster;
    const lost = new Set(this.#brokenAtEnd.map(({ id }) => id));
    for (const { id, isDamaged } of nodes) if (isDamaged) lost.add(id);
    lost.add(node.id);
    if (roster.isQuorum((id) => !lost.has(id))) node.damage();
    else node.crash("process");
  }

  #resolve(target: number): SimulatedNode {
    const { nodes, leader } = this.#cluster;
    if (target === 0) return leader ?? nodes[0]!;
    return nodes[target - 1]!;
  }

  #crash(node: SimulatedNode, how: "process" | "power", downMs: number): void {
    node.crash(how);
    this.#startLater(node, downMs);
  }

  #lieInWait({ state, events, how, downMs }: Fault & { readonly kind: "ambush" }): void {
    const { world } = this.#cluster;
    this.#ambushes.lay(
      ambushOf(state, events, (node) => {
        world.schedule(0, () => this.#surprise(node, how, downMs));
      }),
    );
  }

  #surprise(node: SimulatedNode, how: "process" | "power" | "stop", downMs: number): void {
    if (this.#healed) return;
    if (how === "stop") node.shutDown();
    else node.crash(how);
    this.#startLater(node, downMs);
  }

  /** Tries again while the old process is still there, closing. */
  #startLater(node: SimulatedNode, delayMs: number): void {
    this.#later(delayMs, () => {
      if (node.process === undefined) node.start();
      else this.#startLater(node, startRetryMs);
    });
  }

  #later(delayMs: number, undo: () => void): void {
    this.#cluster.world.schedule(delayMs, () => {
      if (!this.#healed) undo();
    });
  }

  /** Cuts links; the answer mends exactly those. */
  #partition(shape: PartitionShape, target: number, side: readonly number[]): () => void {
    const { network, nodes } = this.#cluster;
    const links: [number, number][] = [];
    for (const { id: from } of nodes) {
      for (const { id: to } of nodes) {
        if (from !== to && separates(shape, target, side, from, to)) links.push([from, to]);
      }
    }
    for (const [from, to] of links) network.cut(from, to);
    return () => {
      for (const [from, to] of links) network.mend(from, to);
    };
  }
}

function separates(
  shape: PartitionShape,
  target: number,
  side: readonly number[],
  from: number,
  to: number,
): boolean {
  const apart = side.includes(from) !== side.includes(to);
  switch (shape) {
    case "isolate":
      return from === target || to === target;
    case "deaf":
      return to === target;
    case "mute":
      return from === target;
    case "halves":
      return apart;
    case "bridge":
      return apart && from !== target && to !== target;
    default:
      return assertNever(shape);
  }
}

const rateOf = {
  loss: "lossRate",
  duplicates: "duplicateRate",
  strays: "strayRate",
  damage: "damageRate",
} as const;

const partitionShapes = { deaf: "deaf", mute: "mute", isolated: "isolate" } as const;

/** Between two looks whether a process has gone that must end before it is started again. */
const startRetryMs = 100;
