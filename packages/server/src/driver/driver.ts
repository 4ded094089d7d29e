import type {
  LeaderHint,
  MembershipChange,
  MembershipConfiguration,
  NodeId,
  NodeIdentity,
  RaftNode,
  RaftStatus,
  SnapshotFile,
  SnapshotLabel,
} from "@d-engine/core";
import { abortable } from "./abortable.js";
import { CoreLoop } from "./core-loop.js";
import { notServing } from "./driver-errors.js";
import { type DriverSetup, nodeOf } from "./driver-setup.js";
import type { Admission } from "./intake.js";
import type { Latencies } from "./latencies.js";
import { LeaderSilence } from "./leader-silence.js";
import { LeaderTracker } from "./leader-tracker.js";
import { Leadership, leaderHintOf } from "./leadership.js";
import { Lifecycle, type NodeState } from "./lifecycle.js";
import type { DeadlineOptions, MembershipChangeOptions, ReadRequestOptions } from "./local-node.js";
import { type Logger, silentLogger } from "./logger.js";
import { Membership } from "./membership.js";
import type { MembershipListener } from "./membership-feed.js";
import { Counters, type DriverMetrics } from "./metrics.js";
import type { DriverOptions } from "./options.js";
import { ReachableMembers } from "./reachable-members.js";
import { type Recovered, recover } from "./recovery.js";
import { type ProposalOptions, Requests } from "./requests.js";
import { Snapshots } from "./snapshots/snapshots.js";
import { handOver, successorOf } from "./successor.js";
import { TickFeed } from "./tick-feed.js";
import { ClusterTime } from "./time/cluster-time.js";

/**
 * A running node: the core, its log, its state machine and its callers. Knows its surroundings by
 * ports alone, so that what is simulated is what ships.
 *
 * A write resolves when its entry is durable on a majority and applied here. Whatever rejects with
 * outcome `rejected` has no effect, now or later.
 *
 * @typeParam Result what the state machine answers to one command
 */
export class Driver<Result> {
  readonly identity: NodeIdentity;
  readonly options: DriverOptions;
  readonly leader = new LeaderTracker();
  /** The time by which stamps are made (rule R15). */
  readonly time: ClusterTime;
  readonly ticks = new TickFeed();
  readonly latencies: Latencies;
  readonly silence: LeaderSilence;
  readonly #setup: DriverSetup<Result>;
  readonly #node: RaftNode;
  readonly #loop: CoreLoop<Result>;
  readonly #requests: Requests<Result>;
  readonly #snapshots: Snapshots;
  readonly #leadership: Leadership;
  readonly #lifecycle: Lifecycle;
  readonly counters = new Counters();
  readonly #membership: Membership;
  readonly #logger: Logger;
  #closing: Promise<void> | undefined;

  /**
   * Replays the log into the state machine and starts the node. Resolves when eventual reads can
   * be served; who leads is told by `leader`.
   *
   * @throws EngineError `DATA_CORRUPTION`, `VERSION_MISMATCH`, `STORAGE_IO_ERROR`
   */
  static async start<Result>(setup: DriverSetup<Result>): Promise<Driver<Result>> {
    try {
      setup.signal?.throwIfAborted();
      const recovered = await recover(setup);
      setup.signal?.throwIfAborted();
      const driver = new Driver(setup, recovered);
      driver.#loop.start();
      driver.#lifecycle.run();
      return driver;
    } catch (error) {
      await setup.storage.close();
      throw error;
    }
  }

  private constructor(setup: DriverSetup<Result>, recovered: Recovered) {
    const { clock, raftOptions, options, transport, storage } = setup;
    const { electionTimeoutMs, heartbeatIntervalMs } = raftOptions;
    this.#setup = setup;
    this.options = options;
    this.#logger = setup.logger ?? silentLogger;
    this.identity = storage.identity;
    this.#node = nodeOf(setup, recovered);
    this.time = new ClusterTime(clock, setup.stamps);
    this.time.restored(recovered.tail);
    this.#membership = new Membership({
      identity: this.identity,
      configuration: recovered.configuration,
      clock,
      logger: this.#logger,
      electionTimeoutMs,
    });
    const shared = {
      ...setup,
      node: this.#node,
      log: storage.log,
      configuration: this.#membership.applied,
      electionTimeoutMs,
      logger: this.#logger,
      counters: this.counters,
    };
    this.silence = new LeaderSilence({ node: this.#node, transport, clock, electionTimeoutMs });
    this.#loop = new CoreLoop({
      ...shared,
      ...options,
      reachable: new ReachableMembers(this.#node, transport),
      silence: this.silence,
      time: this.time,
      events: this.#loopEvents(),
    });
    this.latencies = this.#loop.latencies;
    this.#requests = new Requests({
      ...shared,
      post: (event) => this.#loop.post(event),
      writing: () => this.#loop.writing,
      leaderHint: () => this.leaderHint(),
      commandBytesMax: setup.commandBytesMax ?? Number.POSITIVE_INFINITY,
      logFull: () => this.#snapshots.logFull,
      notServing: () => this.#whyNotServing(),
    });
    this.#snapshots = new Snapshots({
      ...shared,
      self: this.identity.nodeId,
      snapshots: storage.snapshots,
      replayed: recovered.replayed,
      post: (event) => this.#loop.post(event),
      issueRequestId: () => this.#requests.issueId(),
      dropApplies: () => this.#loop.dropApplies(),
      installed: (upTo) => {
        this.time.restored();
        this.#membership.changed();
        this.#requests.installed(upTo);
      },
      failed: (error) => this.#loop.fail(error),
    });
    this.#leadership = new Leadership(this.#node, this.leader, this.#logger);
    this.#lifecycle = new Lifecycle({
      ...setup,
      ...options,
      heartbeatIntervalMs,
      onTick: () => this.#tick(),
      onClockJump: (byMs) => this.#clockJumped(byMs),
      quiesce: () => this.#snapshots.close(),
      logger: this.#logger,
      idle: () => this.#requests.idle,
    });
  }

  get state(): NodeState {
    return this.#lifecycle.state;
  }

  /** Whether calls are taken in. */
  get serving(): boolean {
    return this.#lifecycle.state === "running";
  }

  /** Throws `CLOSED`, or the failure of the node, when calls are not taken in. */
  checkServing(): void {
    const refusal = this.#whyNotServing();
    if (refusal !== undefined) throw refusal;
  }

  /** Resolves when every call that was accepted before has ended. Never rejects. */
  settled(): Promise<void> {
    return this.#requests.settled();
  }

  /** Resolves when the node has ended, with the error that ended it, if any. Never rejects. */
  get closed(): Promise<Error | undefined> {
    return this.#lifecycle.closed;
  }

  /** What ended the node, if it failed. */
  get failure(): Error | undefined {
    return this.#lifecycle.failure;
  }

  /**
   * Proposes one command; resolves with what `finish` makes of its result once it is committed and
   * applied here. The bytes belong to the log from now on. Writes of one caller are applied in the
   * order of their calls. Aborting rejects with the signal's reason: the write may still happen.
   */
  propose<T>(
    command: Uint8Array,
    finish: (result: Result) => T,
    options?: ProposalOptions,
  ): Promise<T> {
    return this.#requests.propose(command, finish, options);
  }

  /** Writes a command of the node's own, which is not validated; rejects like `propose`. */
  proposeSystem(command: Uint8Array, admission: Admission = "normal"): Promise<void> {
    return this.#requests.proposeSystem(command, admission);
  }

  /**
   * Hands leadership to another voter (thesis §3.10). Proposals that come meanwhile are refused
   * `LEADER_CHANGED`. Resolves when the target leads.
   *
   * @throws EngineError `NOT_LEADER`, `INVALID_REQUEST` when the target is no other voter,
   *   `CLUSTER_UNAVAILABLE` when it did not take over within an election timeout
   */
  transferLeadership(target: NodeId): Promise<void> {
    return this.#requests.transfer(target);
  }

  /**
   * Changes the members (rule R12). Resolves with the configuration that came of it when that is
   * committed and applied here, and no joint one any more.
   *
   * @throws EngineError `NOT_LEADER`, `CHANGE_IN_PROGRESS`, `VERSION_CONFLICT`,
   *   `LEARNER_NOT_READY`, `QUORUM_AT_RISK`, `INVALID_REQUEST`: no effect; `PROPOSE_FAILED` when
   *   another leader overwrote it; `OUTCOME_UNKNOWN` when it was proposed and not heard of in time
   */
  changeMembership(
    change: MembershipChange,
    options?: MembershipChangeOptions,
  ): Promise<MembershipConfiguration> {
    return this.#requests.changeMembership(change, options);
  }

  /** Calls `listener` with each configuration as it is applied here, until the answer is called. */
  subscribeMembership(listener: MembershipListener): () => void {
    return this.#membership.feed.subscribe(listener);
  }

  /**
   * Calls `serve` once, at a moment at which what it sees is as fresh as `consistency` asks, and
   * resolves with its value. `serve` must be synchronous.
   */
  read<T>(serve: () => T, options?: ReadRequestOptions): Promise<T> {
    return this.#requests.read(serve, options);
  }

  /** The members as of the entry applied last: a committed configuration. */
  get configuration(): MembershipConfiguration {
    return this.#membership.applied.current;
  }

  /** Whether this node leads and its noop is applied, so that it may stamp and expire (rule R15). */
  get leads(): boolean {
    return this.leader.current?.leaderId === this.identity.nodeId;
  }

  status(): RaftStatus {
    return this.#node.status();
  }

  /**
   * Writes a snapshot of at least what is applied now; resolves when it is durable. Calls that come
   * together share one. Aborting ends the wait, not the snapshot.
   *
   * @throws EngineError `DISK_FULL`, `STORAGE_IO_ERROR`, `CLOSED`, `UNIMPLEMENTED` when storage or
   *   state machine have no snapshots, `INVALID_REQUEST` while nothing is applied
   */
  async saveSnapshot(options: Pick<DeadlineOptions, "signal"> = {}): Promise<SnapshotLabel> {
    this.checkServing();
    return abortable(options.signal, () => this.#snapshots.save());
  }

  /**
   * Opens the newest snapshot; makes one when there is none, and rejects as `saveSnapshot` does. It
   * stays on the disk until the caller closes it.
   */
  async openSnapshot(): Promise<SnapshotFile> {
    this.checkServing();
    return this.#snapshots.open();
  }

  /** Of the newest complete snapshot; `undefined` when there is none. */
  get newestSnapshot(): SnapshotLabel | undefined {
    return this.#snapshots.newest;
  }

  get logBytes(): number {
    return this.#setup.storage.log.bytes;
  }

  /** Where the leader is, as far as this node knows. */
  leaderHint(): LeaderHint | undefined {
    return leaderHintOf(this.#node);
  }

  metrics(): DriverMetrics {
    return {
      ...this.counters,
      ...this.#requests.pending(),
      ...this.#snapshots.metrics(),
      ...this.#loop.metrics(),
      logBytes: this.logBytes,
    };
  }

  /**
   * Hands leadership on if this node leads others, so that they need no election timeout. Then
   * stops intake, lets what was accepted finish within `closeTimeoutMs`, seals the log and
   * releases the storage. What does not finish in time rejects: `CLOSED` when it was never
   * proposed, `OUTCOME_UNKNOWN` otherwise. Idempotent, also after a failure.
   */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    const successor = this.serving ? successorOf(this.#node.status()) : undefined;
    if (successor !== undefined) await handOver(this, successor, this.#logger);
    if (this.serving) {
      this.#requests.flush();
      this.#lifecycle.beginClose();
      this.#endIfDone();
    }
    await this.closed;
  }

  #tick(): void {
    this.#loop.post({ kind: "tick" });
    this.#requests.expire();
    this.#snapshots.tick();
    if (this.serving) this.ticks.tick();
    this.#endIfDone();
  }

  #clockJumped(byMs: number): void {
    this.counters.clockJumps += 1;
    this.#logger.warn(`wall clock moved ${Math.round(byMs)} ms against the monotonic clock`);
    this.#loop.post({ kind: "clockJump" });
  }

  #loopEvents(): ConstructorParameters<typeof CoreLoop<Result>>[0]["events"] {
    return {
      reply: (reply) => {
        if (!this.#snapshots.reply(reply)) this.#requests.reply(reply);
      },
      entryApplied: (entry, result) => {
        this.#snapshots.entryApplied(entry);
        this.#requests.entryApplied(entry, result);
        if (entry.payload.kind === "config") this.#membership.changed();
      },
      applied: (upTo) => {
        this.#snapshots.applied();
        this.#requests.applied(upTo);
      },
      snapshotWork: (work) => this.#snapshots.work(work),
      roleChanged: (change) => this.#leadership.roleChanged(change),
      stepped: () => {
        this.#leadership.stepped();
        this.#snapshots.stepped();
        const removal = this.#membership.mustEnd(this.#node.isLeader);
        if (removal !== undefined) this.#loop.fail(removal);
        this.#endIfDone();
      },
      room: (available) => this.#onRoom(available),
      removed: (by) => this.#membership.told(by),
      failed: (error) => this.#onFailed(error),
    };
  }

  #onRoom(available: boolean): void {
    this.#requests.room(available);
    if (available) this.#logger.info("the disk has room again; writes are accepted");
    else this.#logger.warn("the disk has no room for another log segment; writes are refused");
  }

  #onFailed(error: Error): void {
    this.#logger.error(`the node stops: ${error.message}`, { error });
    this.#lifecycle.fail(error);
    this.#endCalls(error);
  }

  #endIfDone(): void {
    if (!this.#lifecycle.readyToEnd) return;
    this.#loop.stop();
    this.#lifecycle.end();
    this.#endCalls(undefined);
  }

  #endCalls(cause: Error | undefined): void {
    this.#requests.failAll(cause);
    this.#membership.feed.end();
    this.leader.end();
  }

  #whyNotServing(): Error | undefined {
    return this.serving ? undefined : notServing(this.#lifecycle.failure);
  }
}
