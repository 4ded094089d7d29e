import {
  type BatchId,
  type Effects,
  type InputEvent,
  type MembershipChange,
  type MembershipConfiguration,
  type Message,
  RaftNode,
  type RaftNodeSetup,
  type RaftOptionsInput,
  type RaftStatus,
  type Random,
  type RequestId,
  resolveRaftOptions,
} from "@d-engine/core";
import {
  at,
  entries,
  id,
  inTerm,
  logId,
  type Position,
  preVoteAnswer,
  voteAnswer,
} from "./messages.js";

/** What a test says of a node before its first step; everything else has a plain default. */
export interface Arranged {
  readonly id?: number;
  /** Voters; the new half of a joint configuration. */
  readonly voters?: readonly number[];
  readonly outgoing?: readonly number[];
  readonly learners?: readonly number[];
  /** The position before the log; (0, 0) unless its beginning is purged. */
  readonly base?: Position;
  /** The term of each entry of the log, from the first behind `base` on. */
  readonly log?: readonly number[];
  readonly term?: number;
  readonly votedFor?: number;
  /** The election timeout that the disk promises; the configured one unless given. */
  readonly promiseMs?: number;
  readonly commit?: number;
  readonly applied?: number;
  readonly options?: RaftOptionsInput;
  readonly nowMs?: number;
  /** What chance always gives, or its source. 0 makes every wait exactly the minimum. */
  readonly random?: number | Random;
}

export function configurationOf(arranged: Arranged): MembershipConfiguration {
  const voters = arranged.voters ?? [1, 2, 3];
  const learners = arranged.learners ?? [];
  const members = [
    ...voters.map((n) => ({ id: id(n), address: `n${n}`, status: "active" as const })),
    ...learners.map((n) => ({ id: id(n), address: `n${n}`, status: "promotable" as const })),
  ].sort((a, b) => a.id - b.id);
  return { logId: logId([0, 0]), members, outgoingVoters: arranged.outgoing?.map(id) };
}

/** The first position of each term in a log written as a list of terms. */
export function termRunsOf(terms: readonly number[], first = 1): Position[] {
  return terms.flatMap((term, offset) =>
    term === terms[offset - 1] ? [] : [[term, first + offset] as const],
  );
}

function randomOf(random: number | Random): Random {
  return typeof random === "number" ? { next: () => random } : random;
}

export function setupOf(arranged: Arranged): RaftNodeSetup {
  const log = arranged.log ?? [];
  const base = arranged.base ?? [0, 0];
  const lastTerm = log.at(-1) ?? base[0];
  const options = resolveRaftOptions(arranged.options);
  const commit = arranged.commit ?? base[1];
  return {
    id: id(arranged.id ?? 1),
    options,
    hardState: {
      term: inTerm(arranged.term ?? lastTerm),
      votedFor: arranged.votedFor === undefined ? undefined : id(arranged.votedFor),
      minElectionTimeoutMs: arranged.promiseMs ?? options.electionTimeoutMs,
    },
    base: logId(base),
    last: logId([lastTerm, base[1] + log.length]),
    termRuns: termRunsOf(log, base[1] + 1).map(logId),
    tail: entries(base[1] + 1, log),
    commitIndex: at(commit),
    appliedIndex: at(arranged.applied ?? commit),
    configuration: configurationOf(arranged),
    nowMs: arranged.nowMs ?? 0,
    random: randomOf(arranged.random ?? 0),
    nonce: 7,
  };
}

/** One node with a clock that tests set; keeps the batch numbers that a driver would. */
export class DrivenNode {
  readonly node: RaftNode;
  nowMs: number;
  #batch = 0 as BatchId;
  #requests = 0;

  constructor(arranged: Arranged = {}) {
    const setup = setupOf(arranged);
    this.node = new RaftNode(setup);
    this.nowMs = setup.nowMs;
  }

  get status(): RaftStatus {
    return this.node.status();
  }

  step(event: InputEvent): Effects {
    const effects = this.node.step({ ...event, nowMs: this.nowMs });
    this.#batch = effects.batch;
    return effects;
  }

  tick(afterMs = 0): Effects {
    this.nowMs += afterMs;
    return this.step({ kind: "tick" });
  }

  receive(from: number, message: Message): Effects {
    return this.step({ kind: "receive", from: id(from), message });
  }

  /** Makes everything written so far durable. */
  persist(): Effects {
    return this.step({ kind: "persisted", batch: this.#batch });
  }

  /** One entry for each text, or for each byte array. */
  propose(...commands: readonly (string | Uint8Array)[]): Effects {
    const bytes = commands.map((c) =>
      typeof c === "string" ? Uint8Array.from(c, (l) => l.charCodeAt(0)) : c,
    );
    return this.step({ kind: "propose", requestId: this.nextRequest(), commands: bytes });
  }

  /** Asks for a change of the members. */
  change(change: MembershipChange, version?: number): Effects {
    const seen = version === undefined ? undefined : at(version);
    const requestId = this.nextRequest();
    return this.step({ kind: "changeMembership", requestId, change, version: seen });
  }

  read(): Effects {
    return this.step({ kind: "read", requestId: this.nextRequest() });
  }

  nextRequest(): RequestId {
    return ++this.#requests as RequestId;
  }
}

/** Lets a node campaign until it asks for votes, in its next term; pre-votes are all granted. */
export function arrangeCandidate(arranged: Arranged = {}): DrivenNode {
  const driven = new DrivenNode(arranged);
  driven.tick(2 * resolveRaftOptions(arranged.options).electionTimeoutMs);
  const { term } = driven.status;
  for (const peer of votersBut(driven)) {
    if (driven.status.role !== "preCandidate") break;
    driven.receive(peer, preVoteAnswer({ term, campaignTerm: term + 1, granted: true }));
  }
  driven.persist();
  return driven;
}

/** Lets a node win an election: leader of the term after `arranged.term`, its noop on the disk. */
export function arrangeLeader(arranged: Arranged = {}): DrivenNode {
  const driven = arrangeCandidate(arranged);
  for (const peer of votersBut(driven)) {
    if (driven.status.role === "leader") break;
    driven.receive(peer, voteAnswer(driven.status.term, true));
  }
  driven.persist();
  return driven;
}

function votersBut(driven: DrivenNode): number[] {
  const { configuration, id: self } = driven.status;
  const incoming = configuration.members.filter((m) => m.status === "active").map((m) => m.id);
  const all = new Set<number>([...incoming, ...(configuration.outgoingVoters ?? [])]);
  all.delete(self);
  return [...all];
}
