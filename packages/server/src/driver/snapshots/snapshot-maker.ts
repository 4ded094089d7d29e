import {
  encodeConfigurationRecord,
  encodeSnapshotMeta,
  encodeSnapshotRecords,
} from "@d-engine/codec";
import {
  type Clock,
  EngineError,
  type Entry,
  entryBytes,
  invariant,
  isEngineError,
  type LogId,
  type MembershipConfiguration,
  type NodeId,
  type RaftNode,
  SNAPSHOT_NAMESPACE,
  type SnapshotLabel,
  type SnapshotStore,
  type SnapshotWriter,
  type StateMachine,
  type StateSnapshot,
} from "@d-engine/core";
import type { AppliedConfiguration } from "../applied-configuration.js";
import type { Logger } from "../logger.js";
import type { Counters } from "../metrics.js";
import type { DriverOptions } from "../options.js";
import { BackOff } from "./back-off.js";
import { Deferred } from "./deferred.js";
import { FairShare } from "./fair-share.js";
import { Pacer } from "./pacer.js";

export interface SnapshotMakerSetup {
  readonly authorId: NodeId;
  readonly node: RaftNode;
  readonly snapshots: SnapshotStore;
  readonly stateMachine: StateMachine<unknown> & SnapshotSource;
  readonly configuration: AppliedConfiguration;
  readonly clock: Clock;
  readonly options: DriverOptions;
  readonly logger: Logger;
  readonly counters: Counters;
  /** A snapshot has become durable. */
  readonly onMade: () => void;
}

/** A state machine that can be frozen, and take over the state of another. */
export type SnapshotSource = Required<Pick<StateMachine, "snapshot" | "restore">>;

interface Frozen {
  readonly lastIncluded: LogId;
  readonly configuration: MembershipConfiguration;
  readonly state: StateSnapshot;
}

/**
 * Writes snapshots of this node's own state: when the log has grown by so much, and on demand. The
 * state is frozen in one moment, with its label; the copy is written piece by piece while the node
 * goes on.
 *
 * A failure never stops the node, also when it is one of the disk: nothing rests on a snapshot
 * before it is complete, and the log, which everything rests on, stays as it is. It is tried again
 * in a file of its own. If the disk is broken for good, the log notices by itself.
 */
export class SnapshotMaker {
  readonly #setup: SnapshotMakerSetup;
  readonly #backOff: BackOff;
  /** Applied since the newest snapshot. */
  #bytesSince: number;
  #entriesSince: number;
  /** Who waits for a snapshot that is not frozen yet. */
  #callers: Deferred<SnapshotLabel> | undefined;
  #running: Promise<void> | undefined;
  /** Counts what makes a snapshot under way useless. */
  #epoch = 0;
  #closed = false;

  /** `replayed`: what recovery applied on top of the newest snapshot. */
  constructor(setup: SnapshotMakerSetup, replayed: { bytes: number; entries: number }) {
    this.#setup = setup;
    this.#backOff = new BackOff(setup.clock);
    this.#bytesSince = replayed.bytes;
    this.#entriesSince = replayed.entries;
  }

  get running(): boolean {
    return this.#running !== undefined;
  }

  entryApplied(entry: Entry): void {
    this.#bytesSince += entryBytes(entry);
    this.#entriesSince += 1;
  }

  /** Begins a snapshot if the log has grown enough. */
  check(): void {
    const { snapshotLogBytes, snapshotEntries } = this.#setup.options;
    if (this.#bytesSince >= snapshotLogBytes || this.#entriesSince >= snapshotEntries) this.begin();
  }

  /** Begins one unless one is under way or has just failed. */
  begin(): void {
    if (this.#closed || this.#running !== undefined || !this.#backOff.over) return;
    this.#start();
  }

  /**
   * Resolves with the label of a durable snapshot that holds all that is applied at this moment.
   * Calls share one; a call that comes while one is being written waits for the next, since its
   * own writes might not be in the first.
   */
  save(): Promise<SnapshotLabel> {
    if (this.#closed) return Promise.reject(closing());
    this.#callers ??= new Deferred();
    const { promise } = this.#callers;
    if (this.#running === undefined) this.#start();
    return promise;
  }

  /** A snapshot of another node has replaced the state: the one under way is of no use. */
  installed(): void {
    this.#epoch += 1;
    this.#bytesSince = 0;
    this.#entriesSince = 0;
  }

  /** Gives up what is under way; resolves when nothing is touched any more. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#callers?.reject(closing());
    this.#callers = undefined;
    await this.#running;
  }

  #start(): void {
    this.#running = this.#run().finally(() => {
      this.#running = undefined;
      if (this.#callers !== undefined) this.#start();
    });
  }

  async #run(): Promise<void> {
    // In a turn of its own: the label is exact in the middle of applying, too, but the core has
    // heard of what is applied only at the end of it.
    await new Pacer(this.#setup.clock).turn();
    const callers = this.#callers;
    this.#callers = undefined;
    try {
      const label = await this.#make();
      this.#backOff.succeeded();
      callers?.resolve(label);
    } catch (error) {
      if (!this.#closed) this.#failed(error);
      callers?.reject(this.#closed ? closing() : error);
    }
  }

  async #make(): Promise<SnapshotLabel> {
    if (this.#closed) throw closing();
    const { snapshots, stateMachine, counters, logger, clock, onMade } = this.#setup;
    const { newest } = snapshots;
    if (newest !== undefined && newest.lastIncluded.index >= stateMachine.lastApplied) {
      return newest;
    }
    const startedMs = clock.nowMs();
    const frozen = this.#freeze();
    const epoch = this.#epoch;
    const taken = { bytes: this.#bytesSince, entries: this.#entriesSince };
    try {
      const label = await this.#write(frozen, epoch);
      if (epoch === this.#epoch) {
        this.#bytesSince -= taken.bytes;
        this.#entriesSince -= taken.entries;
      }
      counters.snapshotsMade += 1;
      counters.snapshotBytesMade += label.bytes;
      const tookMs = Math.round(clock.nowMs() - startedMs);
      const { index } = label.lastIncluded;
      logger.info(`snapshot up to entry ${index}: ${label.bytes} bytes in ${tookMs} ms`);
      onMade();
      return label;
    } finally {
      frozen.state.release();
    }
  }

  /** State, label and configuration of one and the same moment (scenarios 28, 47). */
  #freeze(): Frozen {
    const { stateMachine, node, configuration } = this.#setup;
    const index = stateMachine.lastApplied;
    if (index === 0) {
      throw new EngineError("INVALID_REQUEST", "nothing is applied yet that a snapshot could hold");
    }
    const term = node.termAt(index);
    invariant(term !== undefined, () => `entry ${index} is applied, but its term is unknown`);
    const state = stateMachine.snapshot();
    invariant(state.lastApplied === index, () => `froze ${state.lastApplied} instead of ${index}`);
    return { lastIncluded: { term, index }, configuration: configuration.current, state };
  }

  async #write(frozen: Frozen, epoch: number): Promise<SnapshotLabel> {
    const { snapshots, clock, authorId } = this.#setup;
    const { lastIncluded, configuration, state } = frozen;
    const createdAtMs = Math.max(0, Math.floor(clock.wallMs()));
    const writer = await snapshots.create(lastIncluded);
    try {
      this.#checkWanted(epoch);
      await writer.write(encodeSnapshotMeta({ createdAtMs, authorId, lastIncluded }));
      const value = encodeConfigurationRecord(configuration);
      await writer.write(encodeSnapshotRecords([{ key: configurationKey, value }]));
      await this.#writeRecords(writer, state, epoch);
      return await writer.commit();
    } catch (error) {
      await writer.abort();
      throw error;
    }
  }

  /** The pace is set by the disk and by what others need of the event loop. */
  async #writeRecords(writer: SnapshotWriter, state: StateSnapshot, epoch: number): Promise<void> {
    const { clock, stateMachine } = this.#setup;
    const share = new FairShare(clock, () => stateMachine.lastApplied);
    for (;;) {
      this.#checkWanted(epoch);
      share.begin();
      const records = state.next(pieceBytes);
      if (records.length === 0) return;
      const written = writer.write(encodeSnapshotRecords(records));
      share.end();
      await written;
      await share.turn();
    }
  }

  #checkWanted(epoch: number): void {
    if (this.#closed) throw closing();
    if (epoch === this.#epoch) return;
    throw new EngineError(
      "INVALID_REQUEST",
      "another node's newer snapshot was installed while this one was written; save again",
    );
  }

  #failed(error: unknown): void {
    const { counters, logger } = this.#setup;
    const delayMs = this.#backOff.failed();
    counters.snapshotsFailed += 1;
    const why = error instanceof Error ? error.message : String(error);
    const expected = isEngineError(error, "DISK_FULL") || isEngineError(error, "INVALID_REQUEST");
    const line = `no snapshot was made, the next attempt is in ${delayMs} ms at the earliest`;
    logger[expected ? "warn" : "error"](`${line}: ${why}`, { error });
  }
}

function closing(): EngineError {
  return new EngineError("CLOSED", "the engine closes: no snapshot was made");
}

const configurationKey = new Uint8Array([SNAPSHOT_NAMESPACE.configuration]);
/** Well under a millisecond of work, and large enough for the disk. */
const pieceBytes = 64 * 1024;
