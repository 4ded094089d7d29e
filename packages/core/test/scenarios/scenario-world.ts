import type {
  Effects,
  Envelope,
  InputEvent,
  LogIndex,
  NodeId,
  RaftOptionsInput,
  RequestId,
} from "@d-engine/core";
import { resolveRaftOptions } from "@d-engine/core";
import { ClusterChecker } from "@d-engine/core/testing";
import { type Arranged, configurationOf } from "../support/driven-node.js";
import { Member, type MemberHost } from "../support/member.js";
import { at, entries, id, inTerm } from "../support/messages.js";
import { effectLines, message as messageText } from "./render.js";
import { SnapshotDesk } from "./snapshot-desk.js";

interface InFlight {
  readonly from: NodeId;
  readonly envelope: Envelope;
}

/** What a node's disk holds before its first start. */
export interface Preset {
  readonly log: readonly number[];
  readonly term: number;
  readonly votedFor: number | undefined;
  readonly promiseMs: number;
  readonly commit: number;
}

/**
 * A cluster in which nothing happens by itself: the scenario says when time passes, which message
 * arrives and which write finishes. Every step is checked, and shown as lines of text.
 */
export class ScenarioWorld implements MemberHost {
  readonly checker = new ClusterChecker();
  readonly members = new Map<number, Member>();
  readonly snapshots = new SnapshotDesk(this);
  /** What the present command has shown. */
  readonly lines: string[] = [];
  nowMs = 0;
  quiet = false;
  readonly #cluster: Arranged;
  readonly #options: RaftOptionsInput;
  readonly #chance = new Map<number, number>();
  readonly #held = new Set<number>();
  readonly #hanging = new Set<number>();
  readonly #cut = new Set<string>();
  readonly #floors = new Map<RequestId, LogIndex>();
  /** How far each node's state machine could be. */
  readonly #handedOut = new Map<NodeId, LogIndex>();
  readonly #logReads: { readonly member: Member; readonly request: Effects["readLog"][number] }[] =
    [];
  #inFlight: InFlight[] = [];
  #requests = 0;
  #starts = 0;

  /** `spare` nodes are no members before they are added; they start with the same members. */
  constructor(cluster: Arranged, options: RaftOptionsInput, spare: readonly number[] = []) {
    this.#cluster = cluster;
    this.#options = options;
    const { voters = [], outgoing = [], learners = [] } = cluster;
    for (const n of new Set([...voters, ...outgoing, ...learners, ...spare])) {
      this.members.set(n, new Member(id(n), this));
    }
  }

  preset(n: number, preset: Preset): void {
    const { disk } = this.member(n);
    disk.hardState = {
      term: inTerm(preset.term),
      votedFor: preset.votedFor === undefined ? undefined : id(preset.votedFor),
      minElectionTimeoutMs: preset.promiseMs,
    };
    disk.entries = entries(1, preset.log);
    disk.commitIndex = at(preset.commit);
  }

  start(n: number, options: RaftOptionsInput = {}): void {
    const chance = () => this.#chance.get(n) ?? 0;
    this.#handedOut.delete(id(n));
    this.member(n).start({
      nowMs: this.nowMs,
      options: resolveRaftOptions({ ...this.#options, ...options }),
      configuration: configurationOf(this.#cluster),
      random: { next: chance },
      nonce: ++this.#starts,
    });
  }

  crash(n: number): void {
    this.member(n).crash();
  }

  /** What this node draws from now on, in [0, 1); 0 unless said. */
  setChance(n: number, value: number): void {
    this.#chance.set(n, value);
  }

  /** Its writes do not finish by themselves any more. */
  hang(n: number, hangs: boolean): void {
    if (hangs) this.#hanging.add(n);
    else this.#hanging.delete(n);
  }

  /** Its state machine waits. */
  hold(n: number, holds: boolean): void {
    if (holds) this.#held.add(n);
    else this.#held.delete(n);
    if (!holds) this.#apply(this.member(n));
  }

  cut(from: number, to: number): void {
    this.#cut.add(`${from}>${to}`);
  }

  heal(): void {
    this.#cut.clear();
  }

  input(n: number, event: InputEvent): void {
    this.member(n).step(event, this.nowMs);
  }

  request(n: number, make: (requestId: RequestId) => InputEvent): void {
    const requestId = ++this.#requests as RequestId;
    this.#floors.set(requestId, this.checker.committedIndex);
    this.input(n, make(requestId));
  }

  persist(n: number, count = Number.POSITIVE_INFINITY): void {
    const { disk } = this.member(n);
    if (disk.pendingCount === 0) this.show(`${n} has nothing to write`);
    this.member(n).persist(Math.min(count, disk.pendingCount), this.nowMs);
  }

  /** Messages on their way, oldest first; between two nodes when both are named. */
  inFlight(from?: number, to?: number): InFlight[] {
    return this.#inFlight.filter(
      (sent) =>
        (from === undefined || sent.from === from) && (to === undefined || sent.envelope.to === to),
    );
  }

  deliver(sent: InFlight, keep = false): void {
    if (!keep) this.#inFlight = this.#inFlight.filter((other) => other !== sent);
    const { to, message } = sent.envelope;
    const receiver = this.member(to);
    if (!receiver.running) return;
    this.show(`${sent.from} > ${to} ${messageText(message)}`);
    receiver.step({ kind: "receive", from: sent.from, message }, this.nowMs);
  }

  drop(sent: InFlight): void {
    this.#inFlight = this.#inFlight.filter((other) => other !== sent);
    this.show(`lost: ${sent.from} > ${sent.envelope.to} ${messageText(sent.envelope.message)}`);
  }

  answerLogRead(n: number, succeeds: boolean): void {
    const found = this.#logReads.findIndex((read) => read.member.id === n);
    const read = this.#logReads.splice(found, 1)[0];
    if (found < 0 || read === undefined) throw new Error(`node ${n} reads nothing back`);
    const { peer, from, to } = read.request;
    const entries = succeeds ? read.member.disk.read(from, to) : undefined;
    this.input(n, { kind: "logRead", peer, from, entries });
  }

  /** Lets everything finish and arrive among these nodes, until nothing is left to do. */
  stabilize(among: readonly number[]): void {
    for (let turns = 0; turns < 1000; turns++) {
      const sent = this.#inFlight.find(
        ({ from, envelope }) => among.includes(from) && among.includes(envelope.to),
      );
      const writing = among.find((n) => {
        const { running, disk } = this.member(n);
        return running && disk.pendingCount > 0 && !this.#hanging.has(n);
      });
      if (this.snapshots.report()) continue;
      if (writing !== undefined) this.persist(writing);
      else if (sent !== undefined) this.deliver(sent);
      else return;
    }
    throw new Error("1000 deliveries and no end: a storm");
  }

  show(line: string): void {
    if (!this.quiet) this.lines.push(line);
  }

  member(n: number): Member {
    const member = this.members.get(n);
    if (member === undefined) throw new Error(`there is no node ${n}`);
    return member;
  }

  stepped(member: Member, effects: Effects): void {
    for (const line of effectLines(member.id, effects)) this.show(line);
    const last = effects.apply.at(-1);
    if (last !== undefined) this.#handedOut.set(member.id, last.index);
    for (const work of effects.snapshots) this.snapshots.handle(member, work);
    for (const request of effects.readLog) this.#logReads.push({ member, request });
    for (const reply of effects.replies) {
      const floor = this.#floors.get(reply.requestId);
      if (reply.kind === "readIndex" && reply.index < floor!) {
        throw new Error(`I10: read ${reply.requestId} at ${reply.index}, began at ${floor}`);
      }
    }
  }

  sent(member: Member, envelope: Envelope): void {
    const lost = this.#cut.has(`${member.id}>${envelope.to}`);
    if (!lost) this.#inFlight.push({ from: member.id, envelope });
  }

  /** Tells the node that its state machine has caught up, and senders how far receivers are. */
  applyAll(): void {
    this.snapshots.report();
    for (const member of this.members.values()) {
      if (member.running && !this.#held.has(member.id)) this.#apply(member);
    }
  }

  #apply(member: Member): void {
    const upTo = this.#handedOut.get(member.id) ?? at(0);
    if (upTo > member.node.status().appliedIndex) {
      member.step({ kind: "applied", upTo }, this.nowMs);
    }
  }
}
