import type { HardState, RefusalCode } from "./effects.js";
import type { Entry } from "./entry.js";
import type { BatchId, LogId, LogIndex, NodeId, RequestId, Term } from "./ids.js";
import { invariant } from "./invariant.js";
import { Durability } from "./log/durability.js";
import { RaftLog } from "./log/raft-log.js";
import type { MembershipConfiguration } from "./membership/configuration.js";
import { ConfigurationLog } from "./membership/configuration-log.js";
import type { Message } from "./message.js";
import type { RaftOptions } from "./options.js";
import { Outbox } from "./outbox.js";
import type { Random } from "./ports/random.js";
import { isLoneVoter, isVoter, type VoterSets, voterSetsOf } from "./quorum/voter-sets.js";
import { ForwardedReads } from "./reads/forwarded-reads.js";
import type { Role, Transfer } from "./role.js";

/** What a node starts from: its settings, and what recovery found. */
export interface RaftNodeSetup {
  readonly id: NodeId;
  /** From `resolveRaftOptions`. */
  readonly options: RaftOptions;
  /** `undefined` on the first start ever. */
  readonly hardState: HardState | undefined;
  /** The position right before the first retained entry. */
  readonly base: LogId;
  readonly last: LogId;
  readonly termRuns: readonly LogId[];
  /** The newest entries up to `last`, at least every entry behind `appliedIndex`. */
  readonly tail: readonly Entry[];
  /** Known to be committed; at most `last.index`. */
  readonly commitIndex: LogIndex;
  /** What the state machine holds already; at most `commitIndex`. */
  readonly appliedIndex: LogIndex;
  /** As of `appliedIndex`; what `tail` holds behind it is added to it. */
  readonly configuration: MembershipConfiguration;
  /** The entry that admitted this node's directory to a running cluster (rule R13); 0 unless given. */
  readonly joinedAt?: LogIndex;
  readonly nowMs: number;
  readonly random: Random;
  /** Random for each start, a safe integer; part of every read-index id (rule R4). */
  readonly nonce: number;
}

/**
 * Everything a node knows, and the few primitives that every handler uses. It decides nothing:
 * rules are in `handlers/`, changes of role in `transitions.ts`.
 * Invariant: appliedIndex <= handedToApply <= commitIndex <= log.lastIndex (I9).
 */
export class RaftState {
  readonly id: NodeId;
  readonly options: RaftOptions;
  readonly random: Random;
  readonly log: RaftLog;
  readonly durability: Durability;
  readonly outbox = new Outbox();
  readonly #joinedAt: number;
  readonly forwardedReads: ForwardedReads;

  /** The time of the input that is being handled (rule R1). */
  nowMs: number;
  readonly startedMs: number;
  term: Term;
  votedFor: NodeId | undefined;
  role: Role;
  commitIndex: LogIndex;
  /** The last entry that was handed out in `Effects.apply`. */
  handedToApply: LogIndex;
  appliedIndex: LogIndex;
  /** Where the newest snapshot installed since the start ends. */
  installedIndex: LogIndex | undefined;
  readonly configurations: ConfigurationLog;
  /** What voters, role and progress were last made to follow (`follow-configuration.ts`). */
  followed: MembershipConfiguration;
  voters: VoterSets;
  /** When a leader of the current term was last heard, and which (rule R5). */
  leaderHeardMs: number;
  heardLeader: NodeId | undefined;
  /** The minimum election timeout that the disk holds; what others may have been promised. */
  persistedTimeoutMs: number;
  /** The newest batch handed out. */
  batch = 0 as BatchId;
  /** Term or vote changed in this step. */
  termUnsaved = false;
  /** The batch that carries the newest term and vote; before it is durable nothing rests on them. */
  termBatch = 0 as BatchId;
  /** Promises on their way to the disk. */
  promisesPending: { readonly batch: BatchId; readonly minElectionTimeoutMs: number }[] = [];
  /** A transfer whose TimeoutNow is out, after this node stopped leading. */
  transferAwaited: Transfer | undefined;
  /** Malformed or impossible messages that were ignored. */
  droppedMessages = 0;

  constructor(setup: RaftNodeSetup) {
    invariant(setup.appliedIndex <= setup.commitIndex, "applied beyond the commit index");
    invariant(setup.commitIndex <= setup.last.index, "committed beyond the end of the log");
    invariant(setup.base.index <= setup.appliedIndex, "the state machine lags behind the log");
    this.id = setup.id;
    this.#joinedAt = setup.joinedAt ?? 0;
    this.options = setup.options;
    this.random = setup.random;
    this.log = new RaftLog(setup);
    invariant(this.log.cachedFrom <= setup.appliedIndex + 1, "unapplied entries are not in memory");
    this.durability = new Durability(setup.last.index);
    this.forwardedReads = new ForwardedReads(setup.nonce);
    this.nowMs = setup.nowMs;
    this.startedMs = setup.nowMs;
    this.term = setup.hardState?.term ?? (0 as Term);
    this.votedFor = setup.hardState?.votedFor;
    this.persistedTimeoutMs = setup.hardState?.minElectionTimeoutMs ?? 0;
    this.commitIndex = setup.commitIndex;
    this.handedToApply = setup.appliedIndex;
    this.appliedIndex = setup.appliedIndex;
    this.configurations = new ConfigurationLog(setup.configuration);
    for (const entry of setup.tail) {
      if (entry.index > setup.appliedIndex) this.configurations.append(entry);
    }
    this.followed = this.configurations.current;
    this.voters = voterSetsOf(this.followed);
    // A node that starts behaves as if it had just heard a leader: its promise may still bind
    // it. A lone voter has promised nobody anything (rule R3); one that is alone only by an entry
    // that may not be committed has, perhaps to a leader that will replace that entry.
    const lone = !this.configurationPending && isLoneVoter(this.voters, this.id);
    this.leaderHeardMs = lone ? Number.NEGATIVE_INFINITY : setup.nowMs;
    this.heardLeader = undefined;
    this.role = {
      kind: this.mayCampaign ? "follower" : "learner",
      leaderId: undefined,
      electionDeadlineMs: lone ? setup.nowMs : this.drawElectionDeadline(),
    };
    // A snapshot that was laid over the log can be of a later term than the hard state knows. Who
    // holds an entry of a term has reached it, and has voted for nobody there.
    if (setup.last.term > this.term) {
      this.term = setup.last.term;
      this.votedFor = undefined;
      this.saveTermAndVote();
    }
  }

  /** The one in effect: the newest in the log, committed or not (paper §6). */
  get configuration(): MembershipConfiguration {
    return this.configurations.current;
  }

  /** The newest that cannot be rolled back any more. */
  get committedConfiguration(): MembershipConfiguration {
    return this.configurations.at(this.commitIndex);
  }

  /** The one in effect may still be rolled back, as far as this node knows. */
  get configurationPending(): boolean {
    return this.configuration.logId.index > this.commitIndex;
  }

  /** A change is outstanding from its append to its commit, a joint one until its leave commits. */
  get changeOutstanding(): boolean {
    return this.configurationPending || this.configuration.outgoingVoters !== undefined;
  }

  /**
   * Whether the log reaches the entry that admitted this directory. Before, an older configuration
   * may name a predecessor of the same id as a voter: two that come back empty under their old ids
   * would elect each other over what is committed (I4).
   */
  get knowsItsAdmission(): boolean {
    return this.log.lastIndex >= this.#joinedAt;
  }

  get isVoter(): boolean {
    return this.knowsItsAdmission && isVoter(this.voters, this.id);
  }

  /**
   * A voter, or one whose removal is not committed as far as it knows. Such a node must campaign
   * too (thesis §4.2.2): of two voters, one removes itself and loses its leadership before the
   * other has that entry; now the other cannot win against its longer log, and nobody else can
   * bring the entry over. Its own vote does not count.
   */
  get mayCampaign(): boolean {
    if (this.isVoter) return true;
    if (!this.knowsItsAdmission) return false;
    if (!this.configurationPending) return false;
    return isVoter(voterSetsOf(this.committedConfiguration), this.id);
  }

  get leaderId(): NodeId | undefined {
    if (this.role.kind === "leader") return this.id;
    return this.role.kind === "follower" || this.role.kind === "learner"
      ? this.role.leaderId
      : undefined;
  }

  /** How long this node votes for nobody else after it heard a leader (rule R3). */
  get stickinessMs(): number {
    return Math.max(this.options.electionTimeoutMs, this.persistedTimeoutMs);
  }

  /** What this node promises with every append answer: never more than the disk holds. */
  get advertisedTimeoutMs(): number {
    return Math.min(this.options.electionTimeoutMs, this.persistedTimeoutMs);
  }

  drawElectionDeadline(): number {
    return this.nowMs + this.stickinessMs * (1 + this.random.next());
  }

  /** Writes term and vote with this step's batch; nothing that rests on them leaves before. */
  saveTermAndVote(): void {
    this.termUnsaved = true;
    this.saveHardState();
  }

  /** Writes the hard state with this step's batch, with the promise that may be made now. */
  saveHardState(): void {
    this.outbox.hardState = {
      term: this.term,
      votedFor: this.votedFor,
      minElectionTimeoutMs: this.promiseToSaveMs,
    };
  }

  /** The promise of the newest hard state that is on the disk or on its way there. */
  get promiseIssuedMs(): number {
    return this.promisesPending.at(-1)?.minElectionTimeoutMs ?? this.persistedTimeoutMs;
  }

  /** The promise that the disk should hold by now. */
  get promiseToSaveMs(): number {
    const wanted = this.options.electionTimeoutMs;
    return this.mayLowerPromise ? wanted : Math.max(wanted, this.persistedTimeoutMs);
  }

  /** A lower timeout may replace the old one only after a full old period since the start. */
  private get mayLowerPromise(): boolean {
    return this.nowMs - this.startedMs >= this.persistedTimeoutMs;
  }

  /** Whether term and vote, as they are now, are on the disk. */
  get termDurable(): boolean {
    return !this.termUnsaved && this.termBatch <= this.durability.batch;
  }

  /** Sends at once when the term is durable, otherwise after this step's batch (I11). */
  post(to: NodeId, message: Message): void {
    if (this.termDurable) this.outbox.send({ to, message });
    else this.outbox.sendAfterPersist({ to, message });
  }

  /** Sends when this step's batch, and all before it, is durable. */
  postAfterPersist(to: NodeId, message: Message): void {
    this.outbox.sendAfterPersist({ to, message });
  }

  refuse(requestId: RequestId, code: RefusalCode, message: string): void {
    const refusal = { code, leaderId: this.leaderId, message };
    this.outbox.reply({ kind: "refused", requestId, refusal });
  }

  /** Puts entries behind the log and into this step's batch; who leads or follows is untouched. */
  append(entries: readonly Entry[]): void {
    this.log.append(entries);
    this.outbox.append(entries);
    for (const entry of entries) this.configurations.append(entry);
  }

  /** Drops `from` and all behind it; a configuration among it is gone (scenarios 20, 27). */
  truncateFrom(from: LogIndex): void {
    invariant(
      from > this.commitIndex,
      () => `truncating at ${from}, committed to ${this.commitIndex}`,
    );
    this.log.truncateFrom(from);
    this.durability.truncatedFrom(from);
    this.configurations.truncateFrom(from);
  }

  /** Hands newly committed entries out for application, each exactly once and in order. */
  advanceCommit(to: LogIndex): readonly Entry[] {
    if (to <= this.commitIndex) return [];
    invariant(to <= this.log.lastIndex, () => `commit ${to} beyond last ${this.log.lastIndex}`);
    this.commitIndex = to;
    return this.handOutCommitted();
  }

  /**
   * Takes over a snapshot as the applied state: keeps the log behind it when it fits, otherwise
   * begins it anew (paper §7). Only for a label beyond the commit index.
   */
  installSnapshot(lastIncluded: LogId, configuration: MembershipConfiguration): void {
    invariant(
      lastIncluded.index > this.commitIndex,
      () => `installing ${lastIncluded.index}, committed to ${this.commitIndex}`,
    );
    if (this.log.termAt(lastIncluded.index) !== lastIncluded.term) {
      this.log.reset(lastIncluded);
      this.durability.reset(lastIncluded.index);
      this.outbox.resetLog(lastIncluded);
      this.configurations.reset(configuration);
    } else {
      this.durability.covered(lastIncluded.index);
    }
    this.commitIndex = lastIncluded.index;
    this.handedToApply = lastIncluded.index;
    this.appliedIndex = lastIncluded.index;
    this.installedIndex = lastIncluded.index;
    this.evictApplied();
  }

  /** Only what is on the own disk too: the rest could not be read back. */
  evictApplied(): void {
    const evictable = Math.min(this.appliedIndex, this.durability.index) as LogIndex;
    this.log.evict(evictable, this.options.logCacheBytes);
  }

  /** Also right after a start, for what was known as committed but not applied yet. */
  handOutCommitted(): readonly Entry[] {
    const from = (this.handedToApply + 1) as LogIndex;
    const to = (this.commitIndex + 1) as LogIndex;
    const entries = this.log.slice(from, to, Number.POSITIVE_INFINITY);
    invariant(entries !== undefined, () => `entries from ${from} left memory before their turn`);
    this.handedToApply = this.commitIndex;
    if (entries.length > 0) this.outbox.apply(entries);
    return entries;
  }
}
