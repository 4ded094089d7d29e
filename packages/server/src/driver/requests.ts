import {
  assertNever,
  type Clock,
  EngineError,
  type Entry,
  type InputEvent,
  type LeaderHint,
  type LogIndex,
  type MembershipChange,
  type MembershipConfiguration,
  type NodeId,
  type RaftNode,
  type Reply,
  type RequestId,
  type StateMachine,
} from "@d-engine/core";
import type { AppliedConfiguration } from "./applied-configuration.js";
import type { CancelSignal } from "./cancel-signal.js";
import { consistencyOf } from "./consistency.js";
import {
  badTimeout,
  diskFull,
  notServing,
  rateLimited,
  refusalError,
  stopped,
  stoppedWhileProposed,
} from "./driver-errors.js";
import { type Admission, Intake, type IntakeSetup } from "./intake.js";
import type { DeadlineOptions, MembershipChangeOptions, ReadRequestOptions } from "./local-node.js";
import { MembershipChanges } from "./membership-changes.js";
import type { DriverMetrics } from "./metrics.js";
import { ProposalQueue } from "./proposal-queue.js";
import { ReadQueue } from "./read-queue.js";
import { Transfers } from "./transfers.js";

export interface RequestsSetup<Result> extends IntakeSetup {
  readonly node: RaftNode;
  readonly stateMachine: StateMachine<Result>;
  /** As of the entry applied last. */
  readonly configuration: AppliedConfiguration;
  readonly clock: Clock;
  readonly post: (event: InputEvent) => void;
  /** Whether the log is at work on a batch. */
  readonly writing: () => boolean;
  readonly leaderHint: () => LeaderHint | undefined;
}

export interface ProposalOptions extends DeadlineOptions {
  /** @defaultValue "normal" */
  readonly admission?: Admission | undefined;
}

/**
 * The callers of a node: checks what comes in, gathers it for the core, and ends every call, by a
 * result, a refusal, its deadline or the end of the node. Every call ends exactly once (C2, L2).
 *
 * What arrives within one turn of the event loop goes to the core together.
 */
export class Requests<Result> {
  readonly #setup: RequestsSetup<Result>;
  readonly #intake: Intake;
  readonly #proposals: ProposalQueue<Result>;
  readonly #reads: ReadQueue;
  readonly #transfers = new Transfers();
  readonly #changes = new MembershipChanges();
  #lastRequestId = 0;
  #flushScheduled = false;
  readonly #flushTurn = (): void => {
    this.#flushScheduled = false;
    this.flush();
  };

  constructor(setup: RequestsSetup<Result>) {
    this.#setup = setup;
    const { proposalEntriesMax: entriesMax, proposalBytesMax: bytesMax } = setup.options;
    this.#proposals = new ProposalQueue({ entriesMax, bytesMax });
    this.#intake = new Intake(setup, this.#proposals.gauge);
    this.#reads = new ReadQueue(setup.options.readRequestsMax);
  }

  /** Whether nobody waits for anything. */
  get idle(): boolean {
    const { gauge } = this.#changes;
    return this.#proposals.gauge.count + this.#reads.gauge.count + gauge.count === 0;
  }

  /** Resolves when every call that waits now has ended. */
  async settled(): Promise<void> {
    const waiting = [this.#proposals, this.#reads, this.#changes];
    await Promise.allSettled(waiting.flatMap((queue) => queue.promises()));
  }

  pending(): Pick<DriverMetrics, "pendingProposals" | "pendingProposalBytes" | "pendingReads"> {
    const { count, bytes } = this.#proposals.gauge;
    return {
      pendingProposals: count,
      pendingProposalBytes: bytes,
      pendingReads: this.#reads.gauge.count,
    };
  }

  /** Writes a command of the node's own, which no state machine of users has to accept. */
  proposeSystem(command: Uint8Array, admission: Admission): Promise<void> {
    try {
      this.#intake.check(command.length, admission);
    } catch (error) {
      return Promise.reject(error);
    }
    const deadlineMs = this.#setup.clock.nowMs() + this.#timeoutMs(undefined);
    return this.#enqueue(command, nothing, deadlineMs, undefined);
  }

  /** Hands leadership over; resolves when the target leads, rejects when it does not in time. */
  transfer(target: NodeId): Promise<void> {
    const refusal = this.#setup.notServing();
    if (refusal !== undefined) return Promise.reject(refusal);
    return this.#transfers.start(this.issueId(), target, this.#setup.post);
  }

  /**
   * Proposes a change of the members. A disk that is nearly full does not hinder it: what may free
   * the cluster from a full node must not need room there (rule R10).
   */
  changeMembership(
    change: MembershipChange,
    options: MembershipChangeOptions | undefined,
  ): Promise<MembershipConfiguration> {
    const { notServing, clock, post } = this.#setup;
    try {
      const refusal = notServing();
      if (refusal !== undefined) throw refusal;
      const deadlineMs = clock.nowMs() + this.#timeoutMs(options);
      const requestId = this.issueId();
      const { version, signal } = options ?? {};
      return this.#changes.start({ requestId, change, version, deadlineMs, signal }, post);
    } catch (error) {
      return Promise.reject(error);
    }
  }

  propose<T>(
    command: Uint8Array,
    finish: (result: Result) => T,
    options: ProposalOptions | undefined,
  ): Promise<T> {
    let deadlineMs: number;
    try {
      this.#intake.check(command.length, options?.admission ?? "normal");
      this.#setup.stateMachine.validate(command);
      deadlineMs = this.#setup.clock.nowMs() + this.#timeoutMs(options);
    } catch (error) {
      return Promise.reject(error);
    }
    return this.#enqueue(command, finish, deadlineMs, options?.signal);
  }

  read<T>(serve: () => T, options: ReadRequestOptions | undefined): Promise<T> {
    try {
      const consistency = consistencyOf(options?.consistency, this.#setup.options);
      const refusal = this.#setup.notServing();
      if (refusal !== undefined) throw refusal;
      const timeoutMs = this.#timeoutMs(options);
      switch (consistency) {
        case "eventual":
          this.#setup.counters.readsEventual += 1;
          return Promise.resolve(serve());
        case "lease":
          return this.#leaseRead(serve, timeoutMs, options?.signal);
        case "linearizable":
          return this.#queueRead(serve, timeoutMs, options?.signal);
        default:
          return assertNever(consistency);
      }
    } catch (error) {
      return Promise.reject(error);
    }
  }

  /** Hands over to the core what has gathered. */
  flush(): void {
    const { post, clock } = this.#setup;
    // After a stall of the event loop: what nobody waits for any more is better not proposed.
    this.#proposals.expireQueued(clock.nowMs());
    while (this.#proposals.hasQueued) {
      const requestId = this.issueId();
      const commands = this.#proposals.take(requestId);
      if (commands !== undefined) post({ kind: "propose", requestId, commands });
    }
    if (this.#reads.wantsIndex) {
      const requestId = this.issueId();
      this.#reads.ask(requestId);
      post({ kind: "read", requestId });
    }
  }

  reply(reply: Reply): void {
    switch (reply.kind) {
      case "proposed":
        if (!this.#changes.proposed(reply.requestId, reply.term, reply.first)) {
          this.#proposals.accepted(reply.requestId, reply.term, reply.first);
        }
        break;
      case "readIndex":
        this.#reads.confirmed(reply.requestId, reply.index, this.#lastApplied);
        this.#scheduleReads();
        break;
      case "refused":
        this.#refused(reply);
        break;
      case "transferred":
        this.#transfers.transferred(reply.requestId);
        break;
      case "installed":
        break;
      default:
        assertNever(reply);
    }
  }

  entryApplied(entry: Entry, result: Result | undefined): void {
    this.#setup.counters.entriesApplied += 1;
    this.#proposals.applied(entry, result);
    this.#changes.applied(entry, this.#setup.configuration.current);
  }

  applied(upTo: LogIndex): void {
    this.#reads.applied(upTo);
  }

  /** A snapshot replaced the state: nobody will hear of the entries up to `upTo` one by one. */
  installed(upTo: LogIndex): void {
    this.#proposals.skipped(upTo);
    this.#changes.skipped(upTo);
    this.applied(upTo);
  }

  /** The disk has no room for more than upkeep (rule R10), or has room again. */
  room(available: boolean): void {
    this.#intake.diskFull = !available;
    if (!available) this.#proposals.failQueued(diskFull());
  }

  /** Ends the calls whose time is over. */
  expire(): void {
    const nowMs = this.#setup.clock.nowMs();
    this.#proposals.expire(nowMs);
    this.#reads.expire(nowMs);
    this.#changes.expire(nowMs);
  }

  /** Ends every call: `cause` is the failure of the node, `undefined` a close that ran out. */
  failAll(cause: Error | undefined): void {
    this.#transfers.failAll(notServing(cause));
    if (cause !== undefined) {
      const unproposed = stopped("the engine stopped before the call took effect", cause);
      this.#proposals.failAll(unproposed, stoppedWhileProposed(cause));
      this.#changes.failAll(unproposed, stoppedWhileProposed(cause));
      this.#reads.failAll(unproposed);
      return;
    }
    const closed = new EngineError("CLOSED", "the engine closed before the call took effect");
    const unknown = new EngineError(
      "OUTCOME_UNKNOWN",
      "the engine closed before the write was acknowledged: it may still take effect",
    );
    this.#changes.failAll(closed, unknown);
    this.#proposals.failAll(closed, unknown);
    this.#reads.failAll(closed);
  }

  get #lastApplied(): LogIndex {
    return this.#setup.stateMachine.lastApplied;
  }

  #enqueue<T>(
    command: Uint8Array,
    finish: (result: Result) => T,
    deadlineMs: number,
    signal: CancelSignal | undefined,
  ): Promise<T> {
    this.#setup.counters.proposals += 1;
    const waiter = this.#proposals.add(command, deadlineMs, finish, signal);
    this.#flushSoon();
    return waiter.promise as Promise<T>;
  }

  /** How long the call may take. Throws the reason of a signal that is aborted already. */
  #timeoutMs(options: DeadlineOptions | undefined): number {
    options?.signal?.throwIfAborted();
    const timeoutMs = options?.timeoutMs ?? this.#setup.options.requestTimeoutMs;
    if (!(timeoutMs > 0 && timeoutMs < Number.POSITIVE_INFINITY)) throw badTimeout(timeoutMs);
    return timeoutMs;
  }

  /**
   * The value is read first and the lease checked afterwards (rule R1): a pause between the two
   * can then make the check fail, but never the value stale (scenario 38).
   */
  #leaseRead<T>(serve: () => T, timeoutMs: number, signal: CancelSignal | undefined): Promise<T> {
    const { node, clock, counters, leaderHint } = this.#setup;
    const value = serve();
    if (node.leaseHolds(clock.nowMs())) {
      counters.readsLease += 1;
      return Promise.resolve(value);
    }
    if (!node.isLeader) {
      const message = "lease reads are served by the leader alone, and this node does not lead";
      throw new EngineError("NOT_LEADER", message, { leader: leaderHint() });
    }
    counters.leaseFallbacks += 1;
    return this.#queueRead(serve, timeoutMs, signal);
  }

  #queueRead<T>(serve: () => T, timeoutMs: number, signal: CancelSignal | undefined): Promise<T> {
    const { options, counters, clock } = this.#setup;
    const { count } = this.#reads.gauge;
    if (count >= options.pendingReadsMax) {
      counters.rateLimited += 1;
      throw rateLimited(`${count} reads wait already (pendingReadsMax)`, options.retryAfterMs);
    }
    counters.readsLinearizable += 1;
    const waiter = this.#reads.add(serve, clock.nowMs() + timeoutMs, signal);
    this.#scheduleReads();
    return waiter.promise as Promise<T>;
  }

  #refused(reply: Extract<Reply, { kind: "refused" }>): void {
    const { leaderHint, options, counters } = this.#setup;
    const error = refusalError(reply.refusal, leaderHint(), options.retryAfterMs);
    if (this.#transfers.refused(reply.requestId, error)) return;
    if (this.#changes.refused(reply.requestId, error)) return;
    if (this.#proposals.asked(reply.requestId)) {
      counters.proposalsRefused += this.#proposals.refused(reply.requestId, error);
    } else {
      this.#reads.refused(reply.requestId, error);
      this.#scheduleReads();
    }
  }

  /**
   * At the end of the turn, with everything that it brings. A large burst begins earlier while the
   * log is idle, so that the disk works while the rest is still being called and encoded.
   */
  #flushSoon(): void {
    const { options, writing } = this.#setup;
    if (this.#proposals.openEntries >= options.eagerEntries && !writing()) this.flush();
    else this.#scheduleFlush();
  }

  #scheduleReads(): void {
    if (this.#reads.wantsIndex) this.#scheduleFlush();
  }

  #scheduleFlush(): void {
    if (this.#flushScheduled) return;
    this.#flushScheduled = true;
    this.#setup.clock.defer(this.#flushTurn);
  }

  /** An id that no other request of this node has. */
  issueId(): RequestId {
    this.#lastRequestId += 1;
    return this.#lastRequestId as RequestId;
  }
}

function nothing(): void {
  // A command of the system has no result.
}
