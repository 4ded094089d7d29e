import type { Effects, Envelope, Message, NodeId, RequestId } from "@d-engine/core";
import { ClusterChecker } from "@d-engine/core/testing";
import { configurationOf } from "../support/driven-node.js";
import type { Member, MemberHost } from "../support/member.js";
import { at } from "../support/messages.js";
import { EventQueue } from "./event-queue.js";
import { propose, scheduleFaults } from "./faults.js";
import { Prng } from "./prng.js";
import { drawProfile, optionsOf, type Profile } from "./profile.js";
import { RequestBook } from "./request-book.js";
import { SimulatedProcess } from "./simulated-process.js";
import { SnapshotCourier } from "./snapshot-courier.js";

/**
 * A cluster of Raft nodes alone, in virtual time, with everything that may go wrong drawn from one
 * seed. Every step is checked; reads must not miss what was committed when they began.
 */
export class RandomWorld implements MemberHost {
  readonly checker = new ClusterChecker();
  readonly queue = new EventQueue();
  readonly prng: Prng;
  readonly profile: Profile;
  readonly processes: readonly SimulatedProcess[];
  /** Links `from>to` over which nothing passes. */
  readonly cut = new Set<string>();
  /** What a run has seen, so that a quiet run can be told from a good one. */
  readonly counters = {
    steps: 0,
    elections: 0,
    committed: 0,
    crashes: 0,
    readsServed: 0,
    leaseReads: 0,
    transferred: 0,
    logReads: 0,
    truncations: 0,
    snapshots: 0,
    compactions: 0,
    transfersFailed: 0,
    installs: 0,
    refused: 0,
    membersChanged: 0,
    membersRolledBack: 0,
    jointLeft: 0,
    leadersRemoved: 0,
    autoPromoted: 0,
  };
  healed = false;
  readonly #requests = new RequestBook();
  readonly #byId: ReadonlyMap<NodeId, SimulatedProcess>;
  readonly #couriers: ReadonlyMap<SimulatedProcess, SnapshotCourier>;

  constructor(seed: number) {
    this.prng = new Prng(seed);
    this.profile = drawProfile(this.prng);
    this.processes = this.profile.nodeIds.map((n) => new SimulatedProcess(n, this, this));
    this.#byId = new Map(this.processes.map((process) => [process.member.id, process]));
    this.#couriers = new Map(this.processes.map((p) => [p, new SnapshotCourier(p, this)]));
    for (const process of this.processes) this.start(process);
    scheduleFaults(this);
  }

  /** The longest election timeout that any node may have. */
  get electionTimeoutMs(): number {
    return Math.max(...this.profile.electionTimeoutsMs);
  }

  get nodes(): readonly Member[] {
    return this.processes.map((process) => process.member);
  }

  /** Who belongs to the cluster by what its leader knows; nobody without a leader. */
  get members(): readonly Member[] {
    const leader = this.processes.find((process) => process.isLeader);
    const known = leader?.member.node.status().configuration.members ?? [];
    return known.map(({ id }) => this.#processOf(id).member);
  }

  /** Requests without an answer, of nodes that did not crash since. */
  get unanswered(): number {
    return this.#requests.unanswered((owner) => this.#processOf(owner).run);
  }

  /** Runs with faults until so many steps are taken. */
  runFaults(steps: number): void {
    while (this.counters.steps < steps && this.queue.runNext(Number.POSITIVE_INFINITY)) {
      this.#checkLeases();
    }
  }

  /** Ends all faults: network and disks are whole and quick, nobody crashes or pauses. */
  heal(): void {
    this.healed = true;
    this.cut.clear();
    for (const process of this.processes) {
      process.pausedUntilMs = 0;
      if (!process.running) this.start(process);
    }
  }

  /** Runs until `done`, at most so many election timeouts; says whether it came about. */
  runUntil(done: () => boolean, electionTimeoutsMax: number): boolean {
    const untilMs = this.queue.nowMs + electionTimeoutsMax * this.electionTimeoutMs;
    while (!done()) {
      if (!this.queue.runNext(untilMs)) return done();
      this.#checkLeases();
    }
    return true;
  }

  proposeAtLeader(): void {
    const leader = this.processes.find((process) => process.isLeader);
    if (leader !== undefined) propose(this, leader);
  }

  request(process: SimulatedProcess): RequestId {
    return this.#requests.add(process.member.id, process.run, this.checker.committedIndex);
  }

  start(process: SimulatedProcess): void {
    const start = {
      options: optionsOf(this.profile, this.prng.pick(this.profile.electionTimeoutsMs)),
      configuration: configurationOf(this.profile.cluster),
      random: this.prng,
      nonce: this.prng.int(0, 2 ** 40),
    };
    process.start(start, this.prng.chance(0.5));
    this.courierOf(process).started(this.prng.chance(0.5));
    this.#tickLater(process);
  }

  courierOf(process: SimulatedProcess): SnapshotCourier {
    return this.#couriers.get(process)!;
  }

  stepped(member: Member, effects: Effects): void {
    const process = this.#processOf(member.id);
    this.#count(member, effects);
    for (const reply of effects.replies) {
      this.#requests.answered(member.id, reply, this.checker.committedIndex);
      if (reply.kind === "installed") process.installed(reply.lastIncluded.index);
    }
    for (const work of effects.snapshots) this.courierOf(process).handle(work);
    const last = effects.apply.at(-1);
    if (last !== undefined) {
      process.later(this.prng.int(0, 3), () => process.apply(last.index));
    }
    for (const request of effects.readLog) this.#readBack(process, request);
    if (writes(effects)) this.#sync(process);
  }

  sent(member: Member, { to, message }: Envelope): void {
    const { lossChance, duplicateChance } = this.profile;
    if (!this.healed && this.prng.chance(lossChance)) return;
    this.#transmit(member.id, to, message);
    if (!this.healed && this.prng.chance(duplicateChance)) this.#transmit(member.id, to, message);
  }

  #transmit(from: NodeId, to: NodeId, message: Message): void {
    const { delayMs, lateChance } = this.profile;
    const late = !this.healed && this.prng.chance(lateChance);
    const lateMs = late ? this.prng.next() * 3 * this.electionTimeoutMs : 0;
    const receiver = this.#processOf(to);
    this.queue.after(this.#between(this.healed ? [0, 1] : delayMs) + lateMs, () => {
      if (this.cut.has(`${from}>${to}`)) return;
      receiver.whenAwake(receiver.run, () => receiver.step({ kind: "receive", from, message }));
    });
  }

  #tickLater(process: SimulatedProcess): void {
    process.later(this.profile.tickMs, () => {
      process.step({ kind: "tick" });
      this.#tickLater(process);
    });
  }

  /** A write finishes, perhaps along with others: each finish takes some of what waits. */
  #sync(process: SimulatedProcess): void {
    const slow = !this.healed && this.prng.chance(this.profile.slowSyncChance);
    const usual = this.#between(this.healed ? [0, 1] : this.profile.syncMs);
    process.later(slow ? this.electionTimeoutMs * 5 : usual, () => {
      const count = this.prng.int(1, Math.max(1, process.member.disk.pendingCount));
      process.member.persist(count, process.nowMs);
    });
  }

  #readBack(process: SimulatedProcess, request: Effects["readLog"][number]): void {
    const { peer, from, to } = request;
    const fails = !this.healed && this.prng.chance(this.profile.readFailureChance);
    process.later(this.prng.int(0, this.healed ? 1 : 10), () => {
      const end = at(this.prng.int(from + 1, to));
      const entries = fails ? undefined : process.member.disk.read(from, end);
      process.step({ kind: "logRead", peer, from, entries });
    });
  }

  #count(member: Member, effects: Effects): void {
    const { counters, checker } = this;
    counters.steps++;
    counters.committed = checker.committedIndex;
    counters.elections = checker.leaders.size;
    counters.logReads += effects.readLog.length;
    const first = effects.append[0];
    if (first !== undefined && first.index <= member.disk.lastIndex) counters.truncations++;
    this.#countMembers(member, effects);
    for (const { kind } of effects.replies) {
      if (kind === "refused") counters.refused++;
      else if (kind === "readIndex") counters.readsServed++;
      else if (kind === "transferred") counters.transferred++;
      else if (kind === "installed") counters.installs++;
    }
  }

  #countMembers(member: Member, { append, apply, configuration, replies }: Effects): void {
    const { counters } = this;
    if (member.node.isLeader && configuration !== undefined) {
      counters.membersChanged++;
      const { payload } = append.at(-1)!;
      const promotes = payload.kind === "config" && payload.change.kind === "batchPromote";
      if (promotes && replies.length === 0) counters.autoPromoted++;
    } else if (configuration !== undefined && append.every((e) => e.payload.kind !== "config")) {
      counters.membersRolledBack++;
    }
    for (const { payload } of apply) {
      if (!member.node.isLeader || payload.kind !== "config") continue;
      if (payload.change.kind === "leaveJoint") counters.jointLeft++;
      if (!member.node.status().configuration.members.some(({ id }) => id === member.id))
        counters.leadersRemoved++;
    }
  }

  /** Whoever claims a lease must have applied all that anybody has committed (I10). */
  #checkLeases(): void {
    const { committedIndex } = this.checker;
    for (const { member, isLeader, nowMs, appliedIndex } of this.processes) {
      if (!isLeader || !member.node.leaseHolds(nowMs)) continue;
      this.counters.leaseReads++;
      if (appliedIndex < committedIndex) {
        throw new Error(
          `I10: node ${member.id} holds a lease at ${appliedIndex}, committed is ${committedIndex}`,
        );
      }
    }
  }

  #processOf(memberId: NodeId): SimulatedProcess {
    const process = this.#byId.get(memberId);
    if (process === undefined) throw new Error(`there is no node ${memberId}`);
    return process;
  }

  #between([min, max]: readonly [number, number]): number {
    return min + this.prng.next() * (max - min);
  }
}

function writes({ hardState, append, resetLog }: Effects): boolean {
  return hardState !== undefined || append.length > 0 || resetLog !== undefined;
}
