import {
  type BatchId,
  type Clock,
  type Effects,
  type Entry,
  type Envelope,
  type InputEvent,
  isEngineError,
  type LogIndex,
  type LogReadRequest,
  type LogStore,
  type RaftNode,
  type Reply,
  type RoleChange,
  type SnapshotWork,
  type StateMachine,
  type Transport,
} from "@d-engine/core";
import type { AppliedConfiguration } from "./applied-configuration.js";
import { ApplyPipeline } from "./apply-pipeline.js";
import { HeldMessages } from "./held-messages.js";
import { Latencies } from "./latencies.js";
import type { LeaderSilence } from "./leader-silence.js";
import type { Logger } from "./logger.js";
import { Mailbox } from "./mailbox.js";
import type { Counters, DriverMetrics } from "./metrics.js";
import type { ReachableMembers } from "./reachable-members.js";
import type { ClusterTime } from "./time/cluster-time.js";

export interface CoreLoopSetup<Result> {
  readonly node: RaftNode;
  readonly log: LogStore;
  readonly transport: Transport;
  readonly reachable: ReachableMembers;
  readonly silence: LeaderSilence;
  readonly time: ClusterTime;
  readonly stateMachine: StateMachine<Result>;
  readonly configuration: AppliedConfiguration;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly counters: Counters;
  readonly applySliceMs: number;
  readonly heldMessagesMax: number;
  readonly events: CoreLoopEvents<Result>;
}

/** What the loop reports. Called in the order of the core's effects, never from within each other. */
export interface CoreLoopEvents<Result> {
  reply(reply: Reply): void;
  /** One entry was applied; `result` is `undefined` for an entry without a command. */
  entryApplied(entry: Entry, result: Result | undefined): void;
  /** The state machine holds everything up to here. */
  applied(upTo: LogIndex): void;
  roleChanged(change: RoleChange): void;
  snapshotWork(work: SnapshotWork): void;
  /** A step and all its effects are done. */
  stepped(): void;
  room(available: boolean): void;
  /** Another member says that the entry `by` took this node out of the cluster. */
  removed(by: LogIndex): void;
  /** The node can not go on. Nothing is reported afterwards. */
  failed(error: Error): void;
}

/**
 * Runs the core against its ports: one input at a time, each with the time at which it is taken up
 * (rule R1), and every effect at the moment at which it is allowed. What rests on the disk waits
 * here for the batch it rests on (I11).
 */
export class CoreLoop<Result> {
  readonly #setup: CoreLoopSetup<Result>;
  readonly #mailbox: Mailbox;
  readonly #held: HeldMessages;
  readonly #pipeline: ApplyPipeline<Result>;
  /** The newest batch that is durable. */
  #persisted = 0 as BatchId;
  /** The newest batch handed to the log. */
  #written = 0 as BatchId;
  /** The newest commit index that the log was told of. */
  #commitTold = 0 as LogIndex;
  #stopped = false;
  readonly latencies = new Latencies();
  readonly #send = (envelope: Envelope): void => {
    this.#setup.counters.messagesSent += 1;
    this.#setup.transport.send(envelope);
  };

  constructor(setup: CoreLoopSetup<Result>) {
    this.#setup = setup;
    const { stateMachine, configuration, clock, events, applySliceMs: sliceMs } = setup;
    this.#held = new HeldMessages(setup.heldMessagesMax);
    this.#mailbox = new Mailbox(
      (event) => this.#step(event),
      (error) => this.fail(error),
    );
    this.#pipeline = new ApplyPipeline({
      stateMachine,
      configuration,
      clock,
      sliceMs,
      onEntry: (entry, result) => events.entryApplied(entry, result),
      onSlice: (upTo) => this.#applied(upTo),
      onError: (error) => this.fail(error),
    });
  }

  /** Listens to log and transport. Called once. */
  start(): void {
    const { node, log, transport, reachable, silence, counters, events } = this.#setup;
    reachable.update(node.configuration);
    log.start({
      persisted: (batch) => this.#onPersisted(batch),
      failed: (error) => this.fail(error),
      room: (available) => {
        if (!this.#stopped) events.room(available);
      },
    });
    transport.start({
      receive: (from, message) => {
        counters.messagesReceived += 1;
        silence.received(message);
        this.post({ kind: "receive", from, message });
      },
      unreachable: (peer) => this.post({ kind: "unreachable", peer }),
      removed: (by) => events.removed(by),
    });
  }

  /** Takes an input up now, or after the one in hand. Ignored after `stop` or a failure. */
  post(event: InputEvent): void {
    this.#mailbox.post(event);
  }

  /** An installed snapshot holds what waits to be applied: it must not happen twice. */
  dropApplies(): void {
    this.#pipeline.drop();
  }

  /** After this nothing is stepped, sent, applied or reported any more. */
  stop(): void {
    this.#stopped = true;
    this.#mailbox.close();
    this.#pipeline.stop();
  }

  /** Whether the log is at work on a batch. */
  get writing(): boolean {
    return this.#written > this.#persisted;
  }

  metrics(): Pick<DriverMetrics, "applySlices" | "heldMessages" | "heldMessagesDropped"> {
    return {
      applySlices: this.#pipeline.slices,
      heldMessages: this.#held.count,
      heldMessagesDropped: this.#held.dropped,
    };
  }

  #step(event: InputEvent): void {
    const { node, clock, reachable, silence, counters, events } = this.#setup;
    counters.steps += 1;
    const effects = node.step({ ...event, nowMs: clock.nowMs() });
    this.#perform(effects, event.kind === "propose");
    if (event.kind === "tick") {
      reachable.review();
      silence.review();
    }
    if (node.commitIndex > this.#commitTold) this.#tellCommit(node.commitIndex);
    if (!this.#stopped) events.stepped();
  }

  #perform(effects: Effects, proposed: boolean): void {
    const { reachable, counters, events } = this.#setup;
    // Before anything is sent: a new member must be known to the transport.
    if (effects.configuration !== undefined) reachable.update(effects.configuration);
    if (effects.batch > this.#written) this.#write(effects, proposed);
    for (const envelope of effects.send) this.#send(envelope);
    if (effects.sendAfterPersist.length > 0) {
      this.#held.hold(effects.batch, effects.sendAfterPersist);
      this.#held.release(this.#persisted, this.#send);
    }
    if (effects.roleChange !== undefined) {
      counters.roleChanges += 1;
      if (effects.roleChange.role !== "leader") this.latencies.deposed();
      events.roleChanged(effects.roleChange);
    }
    // Before `apply`: an entry must have its waiters when it is applied.
    for (const reply of effects.replies) events.reply(reply);
    for (const request of effects.readLog) this.#readLog(request);
    for (const work of effects.snapshots) events.snapshotWork(work);
    if (effects.apply.length > 0) this.#pipeline.push(effects.apply);
  }

  #write(effects: Effects, proposed: boolean): void {
    const { log, node, time, counters, clock } = this.#setup;
    counters.batchesWritten += 1;
    counters.entriesAppended += effects.append.length;
    this.#written = effects.batch;
    const { batch, hardState, resetLog: reset, append: entries } = effects;
    if (entries.length > 0) time.received(entries, node.isLeader);
    const nowMs = clock.nowMs();
    this.latencies.written(batch, nowMs);
    const last = entries.at(-1);
    if (proposed && last !== undefined) this.latencies.proposed(last.index, entries.length, nowMs);
    log.write({ batch, hardState, reset, entries, commitIndex: node.commitIndex });
  }

  /** So that a log that goes idle, or is closed, knows that its last entries are committed. */
  #tellCommit(commitIndex: LogIndex): void {
    this.#commitTold = commitIndex;
    this.#setup.log.committed?.(commitIndex);
  }

  #onPersisted(batch: BatchId): void {
    if (this.#stopped) return;
    this.#persisted = batch;
    this.latencies.persisted(batch, this.#setup.clock.nowMs());
    this.#held.release(batch, this.#send);
    this.post({ kind: "persisted", batch });
  }

  #applied(upTo: LogIndex): void {
    if (this.#stopped) return;
    this.latencies.applied(upTo, this.#setup.clock.nowMs());
    this.#setup.events.applied(upTo);
    this.post({ kind: "applied", upTo });
  }

  #readLog(request: LogReadRequest): void {
    const { log, logger, counters } = this.#setup;
    const { peer, from, to, bytesMax } = request;
    log.read(from, to, bytesMax).then(
      (entries) => this.post({ kind: "logRead", peer, from, entries }),
      (error: unknown) => {
        // Purged meanwhile is expected, anything else is not; the peer can be served neither way.
        counters.logReadFailures += 1;
        const expected = isEngineError(error, "INVALID_REQUEST");
        const line = `entries from ${from} for node ${peer} cannot be read`;
        logger[expected ? "info" : "error"](line, { error });
        this.post({ kind: "logRead", peer, from, entries: undefined });
      },
    );
  }

  /** Ends the loop, and reports why, unless it has ended before. */
  fail(error: unknown): void {
    if (this.#stopped) return;
    this.stop();
    this.#setup.events.failed(error instanceof Error ? error : new Error(String(error)));
  }
}
