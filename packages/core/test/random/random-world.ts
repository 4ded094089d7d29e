import type {
  Effects,
  Envelope,
  InputEvent,
  LogIndex,
  Message,
  NodeId,
  Reply,
  RequestId,
} from "@d-engine/core";
import { ClusterChecker } from "@d-engine/core/testing";
import { configurationOf } from "../support/driven-node.js";
import { Member, type MemberHost } from "../support/member.js";
import { at, bytesOf, id } from "../support/messages.js";
import { EventQueue } from "./event-queue.js";
import { Prng } from "./prng.js";
import { drawProfile, optionsOf, type Profile } from "./profile.js";

/** One node in a process of its own: a clock that drifts, pauses, and a state machine. */
interface Process {
  readonly member: Member;
  /** Own milliseconds for one of the world. */
  readonly clockRate: number;
  readonly clockOffsetMs: number;
  /** Grows with each start; what was scheduled for an earlier run is void. */
  run: number;
  pausedUntilMs: number;
  appliedIndex: LogIndex;
}

interface OpenRequest {
  readonly process: Process;
  readonly run: number;
  /** What anybody had committed when a read began: what it must see (I10). */
  readonly floor: LogIndex | undefined;
}

/** What a run has seen, so that a test can tell a quiet run from a good one. */
export interface Counters {
  steps: number;
  elections: number;
  committed: number;
  crashes: number;
  readsServed: number;
  leaseReads: number;
  transferred: number;
  logReads: number;
  truncations: number;
  refused: number;
}

/**
 * A cluster of Raft nodes alone, in virtual time, with everything that may go wrong drawn from one
 * seed. Every step is checked; reads must not miss what was committed when they began.
 */
export class RandomWorld implements MemberHost {
  readonly checker = new ClusterChecker();
  readonly profile: Profile;
  readonly counters: Counters = {
    steps: 0,
    elections: 0,
    committed: 0,
    crashes: 0,
    readsServed: 0,
    leaseReads: 0,
    transferred: 0,
    logReads: 0,
    truncations: 0,
    refused: 0,
  };
  readonly #prng: Prng;
  readonly #queue = new EventQueue();
  readonly #processes = new Map<NodeId, Process>();
  readonly #open = new Map<RequestId, OpenRequest>();
  /** Pairs `from>to` between which nothing passes. */
  readonly #cut = new Set<string>();
  #requests = 0;
  #healed = false;

  constructor(seed: number) {
    this.#prng = new Prng(seed);
    this.profile = drawProfile(this.#prng);
    for (const memberId of this.profile.memberIds) this.#addProcess(id(memberId));
    this.#scheduleFaults();
  }

  /** The longest election timeout that any node may have. */
  get electionTimeoutMs(): number {
    return Math.max(...this.profile.electionTimeoutsMs);
  }

  /** Runs with faults until so many steps are taken. */
  runFaults(steps: number): void {
    while (this.counters.steps < steps && this.#queue.runNext(Number.POSITIVE_INFINITY)) {
      this.#checkLeases();
    }
  }

  /** Ends all faults: network and disks are whole and quick, nobody crashes or pauses. */
  heal(): void {
    this.#healed = true;
    this.#cut.clear();
    for (const process of this.#processes.values()) {
      process.pausedUntilMs = 0;
      if (!process.member.running) this.#start(process);
    }
  }

  /** Runs until `done`, at most so many election timeouts; says whether it came about. */
  runUntil(done: () => boolean, electionTimeoutsMax: number): boolean {
    const untilMs = this.#queue.nowMs + electionTimeoutsMax * this.electionTimeoutMs;
    while (!done()) {
      if (!this.#queue.runNext(untilMs)) return done();
      this.#checkLeases();
    }
    return true;
  }

  get members(): readonly Member[] {
    return [...this.#processes.values()].map((process) => process.member);
  }

  /** Requests of nodes that did not crash since, without an answer. */
  get unanswered(): number {
    const open = [...this.#open.values()];
    return open.filter((request) => request.process.run === request.run).length;
  }

  proposeAtLeader(): boolean {
    const leader = [...this.#processes.values()].find((p) => p.member.node.isLeader);
    if (leader === undefined) return false;
    this.#propose(leader);
    return true;
  }

  stepped(member: Member, effects: Effects): void {
    const process = this.#processOf(member.id);
    this.counters.steps++;
    this.counters.committed = this.checker.committedIndex;
    this.counters.elections = this.checker.leaders.size;
    for (const reply of effects.replies) this.#answered(process, reply);
    const last = effects.apply.at(-1);
    if (last !== undefined) {
      const upTo = last.index;
      this.#later(process, this.#prng.int(0, 3), () => {
        if (upTo <= process.appliedIndex) return;
        process.appliedIndex = upTo;
        this.#step(process, { kind: "applied", upTo });
      });
    }
    for (const request of effects.readLog) this.#answerLogRead(process, request);
    if (effects.hardState !== undefined || effects.append.length > 0) this.#scheduleSync(process);
    const first = effects.append[0];
    if (first !== undefined && first.index <= member.disk.entries.length) {
      this.counters.truncations++;
    }
  }

  sent(member: Member, { to, message }: Envelope): void {
    const { profile } = this;
    if (!this.#healed && this.#prng.chance(profile.lossChance)) return;
    this.#transmit(member.id, to, message);
    if (!this.#healed && this.#prng.chance(profile.duplicateChance)) {
      this.#transmit(member.id, to, message);
    }
  }

  #transmit(from: NodeId, to: NodeId, message: Message): void {
    const { profile } = this;
    let delayMs = this.#between(this.#healed ? [0, 1] : profile.delayMs);
    if (!this.#healed && this.#prng.chance(profile.lateChance)) {
      delayMs += this.#prng.next() * 3 * this.electionTimeoutMs;
    }
    const receiver = this.#processOf(to);
    this.#queue.after(delayMs, () => {
      if (this.#cut.has(`${from}>${to}`) || !receiver.member.running) return;
      this.#whenAwake(receiver, receiver.run, () =>
        this.#step(receiver, { kind: "receive", from, message }),
      );
    });
  }

  #addProcess(memberId: NodeId): void {
    const process: Process = {
      member: new Member(memberId, this),
      clockRate: 1 - this.#prng.next() * this.profile.clockDriftMax,
      clockOffsetMs: this.#prng.int(0, 1_000_000),
      run: 0,
      pausedUntilMs: 0,
      appliedIndex: at(0),
    };
    this.#processes.set(memberId, process);
    this.#start(process);
  }

  #start(process: Process): void {
    process.run++;
    const { disk } = process.member;
    // A state machine in memory begins anew, one with a disk of its own where it was.
    const kept = this.#prng.chance(0.5) ? at(0) : process.appliedIndex;
    const appliedIndex = at(Math.min(kept, disk.commitIndex));
    process.appliedIndex = appliedIndex;
    process.member.start({
      nowMs: this.#clockOf(process),
      options: optionsOf(this.profile, this.#prng.pick(this.profile.electionTimeoutsMs)),
      configuration: configurationOf(this.profile.cluster),
      random: this.#prng,
      nonce: this.#prng.int(0, 2 ** 40),
      appliedIndex,
    });
    this.#tickLater(process);
  }

  #tickLater(process: Process): void {
    this.#later(process, this.profile.tickMs, () => {
      this.#step(process, { kind: "tick" });
      this.#tickLater(process);
    });
  }

  #clockOf(process: Process): number {
    return process.clockOffsetMs + this.#queue.nowMs * process.clockRate;
  }

  #step(process: Process, event: InputEvent): void {
    process.member.step(event, this.#clockOf(process));
  }

  /** Runs later in this run of the process, and not while it is paused. */
  #later(process: Process, delayMs: number, action: () => void): void {
    const { run } = process;
    this.#queue.after(delayMs, () => this.#whenAwake(process, run, action));
  }

  #whenAwake(process: Process, run: number, action: () => void): void {
    if (process.run !== run || !process.member.running) return;
    const waitMs = process.pausedUntilMs - this.#queue.nowMs;
    if (waitMs > 0) this.#queue.after(waitMs, () => this.#whenAwake(process, run, action));
    else action();
  }

  #scheduleSync(process: Process): void {
    const slow = !this.#healed && this.#prng.chance(this.profile.slowSyncChance);
    const usual = this.#between(this.#healed ? [0, 1] : this.profile.syncMs);
    const delayMs = slow ? this.electionTimeoutMs * 5 : usual;
    this.#later(process, delayMs, () => {
      const { member } = process;
      const count = this.#prng.int(1, Math.max(1, member.disk.pendingCount));
      member.persist(count, this.#clockOf(process));
    });
  }

  #answerLogRead(process: Process, request: Effects["readLog"][number]): void {
    this.counters.logReads++;
    const { peer, from, to } = request;
    const fails = !this.#healed && this.#prng.chance(this.profile.readFailureChance);
    this.#later(process, this.#prng.int(0, this.#healed ? 1 : 10), () => {
      const end = at(this.#prng.int(from + 1, to));
      const entries = fails ? undefined : process.member.readLog(from, end);
      this.#step(process, { kind: "logRead", peer, from, entries });
    });
  }

  #scheduleFaults(): void {
    const { everyMs } = this.profile;
    this.#repeat(everyMs.crash, () => this.#crash());
    this.#repeat(everyMs.partition, () => this.#partition());
    this.#repeat(everyMs.pause, () => {
      const until = this.#queue.nowMs + this.#prng.next() * 4 * this.electionTimeoutMs;
      this.#prng.pick([...this.#processes.values()]).pausedUntilMs = until;
    });
    this.#repeat(everyMs.unreachable, () => {
      const peer = this.#prng.pick([...this.#processes.keys()]);
      this.#inputAtSome({ kind: "unreachable", peer });
    });
    this.#repeat(everyMs.clockJump, () => this.#inputAtSome({ kind: "clockJump" }));
    this.#repeat(everyMs.transfer, () => this.#transfer());
    this.#repeat(everyMs.propose, () => this.#atSome((process) => this.#propose(process)));
    this.#repeat(everyMs.read, () => this.#atSome((process) => this.#read(process)));
  }

  #repeat(everyMs: number, action: () => void): void {
    if (everyMs === Number.POSITIVE_INFINITY) return;
    this.#queue.after(this.#prng.next() * 2 * everyMs, () => {
      if (this.#healed) return;
      action();
      this.#repeat(everyMs, action);
    });
  }

  #atSome(action: (process: Process) => void): void {
    const running = [...this.#processes.values()].filter((p) => p.member.running);
    if (running.length === 0) return;
    const leaders = running.filter((p) => p.member.node.isLeader);
    const from = leaders.length > 0 && this.#prng.chance(0.7) ? leaders : running;
    const process = this.#prng.pick(from);
    this.#whenAwake(process, process.run, () => action(process));
  }

  #inputAtSome(event: InputEvent): void {
    this.#atSome((process) => this.#step(process, event));
  }

  #crash(): void {
    const process = this.#prng.pick([...this.#processes.values()]);
    const { member } = process;
    if (!member.running) return;
    this.counters.crashes++;
    member.crash(this.#prng.int(0, member.disk.pendingCount));
    process.run++;
    this.#queue.after(this.#prng.next() * 3 * this.electionTimeoutMs, () => {
      if (!member.running) this.#start(process);
    });
  }

  /** Cuts some one-way links, or one group off, for a while. */
  #partition(): void {
    const ids = [...this.#processes.keys()];
    const cut = new Set<string>();
    const group = new Set(ids.filter(() => this.#prng.chance(0.5)));
    const oneWay = this.#prng.chance(0.4);
    for (const a of ids) {
      for (const b of ids) {
        if (oneWay ? this.#prng.chance(0.3) : group.has(a) !== group.has(b)) cut.add(`${a}>${b}`);
      }
    }
    for (const link of cut) this.#cut.add(link);
    this.#queue.after(this.#prng.next() * 6 * this.electionTimeoutMs, () => {
      for (const link of cut) this.#cut.delete(link);
    });
  }

  #transfer(): void {
    const target = this.#prng.pick([...this.#processes.keys()]);
    this.#atSome((process) => {
      const requestId = this.#request(process, undefined);
      this.#step(process, { kind: "transfer", requestId, target });
    });
  }

  #propose(process: Process): void {
    const count = this.#prng.int(1, 3);
    const commands = Array.from({ length: count }, (_, at) => bytesOf(`${this.#requests}.${at}`));
    const requestId = this.#request(process, undefined);
    this.#step(process, { kind: "propose", requestId, commands });
  }

  #read(process: Process): void {
    const requestId = this.#request(process, this.checker.committedIndex);
    this.#step(process, { kind: "read", requestId });
  }

  #request(process: Process, floor: LogIndex | undefined): RequestId {
    const requestId = ++this.#requests as RequestId;
    this.#open.set(requestId, { process, run: process.run, floor });
    return requestId;
  }

  #answered(process: Process, reply: Reply): void {
    const request = this.#open.get(reply.requestId);
    if (request?.process !== process) {
      throw new Error(`request ${reply.requestId} is answered twice, or by another node`);
    }
    this.#open.delete(reply.requestId);
    if (reply.kind === "refused") this.counters.refused++;
    if (reply.kind === "transferred") this.counters.transferred++;
    if (reply.kind !== "readIndex") return;
    this.counters.readsServed++;
    if (request.floor === undefined || reply.index < request.floor) {
      throw new Error(`I10: a read may be served at ${reply.index}, began at ${request.floor}`);
    }
    if (reply.index > this.checker.committedIndex) {
      throw new Error(`I10: a read waits for ${reply.index}, which is not committed`);
    }
  }

  /** Whoever claims a lease must have applied all that anybody has committed (I10). */
  #checkLeases(): void {
    for (const process of this.#processes.values()) {
      if (!process.member.running || !process.member.node.isLeader) continue;
      if (!process.member.node.leaseHolds(this.#clockOf(process))) continue;
      this.counters.leaseReads++;
      if (process.appliedIndex < this.checker.committedIndex) {
        throw new Error(
          `I10: node ${process.member.id} holds a lease at ${process.appliedIndex}, ` +
            `committed is ${this.checker.committedIndex}`,
        );
      }
    }
  }

  #processOf(memberId: NodeId): Process {
    const process = this.#processes.get(memberId);
    if (process === undefined) throw new Error(`there is no node ${memberId}`);
    return process;
  }

  #between([min, max]: readonly [number, number]): number {
    return min + this.#prng.next() * (max - min);
  }
}
