import {
  assertNever,
  type Clock,
  EngineError,
  type Entry,
  type InputEvent,
  isEngineError,
  type LogIndex,
  type LogStore,
  type NodeId,
  type RaftNode,
  type Random,
  type Reply,
  type RequestId,
  type SnapshotFile,
  type SnapshotLabel,
  type SnapshotStore,
  type SnapshotWork,
  type StateMachine,
  type Transport,
} from "@d-engine/core";
import type { AppliedConfiguration } from "../applied-configuration.js";
import type { Logger } from "../logger.js";
import type { Counters, DriverMetrics } from "../metrics.js";
import type { DriverOptions } from "../options.js";
import type { BuiltSnapshot } from "./incoming-snapshot.js";
import { LogPurger } from "./log-purger.js";
import { SnapshotMaker, type SnapshotSource } from "./snapshot-maker.js";
import { SnapshotReceiver } from "./snapshot-receiver.js";
import { SnapshotSender } from "./snapshot-sender.js";
import { TokenBucket } from "./token-bucket.js";

export interface SnapshotsSetup {
  readonly self: NodeId;
  readonly node: RaftNode;
  readonly log: LogStore;
  readonly snapshots: SnapshotStore | undefined;
  readonly stateMachine: StateMachine<unknown>;
  readonly configuration: AppliedConfiguration;
  readonly transport: Transport;
  readonly clock: Clock;
  readonly random: Random;
  readonly crc32: (data: Uint8Array) => number;
  readonly electionTimeoutMs: number;
  readonly options: DriverOptions;
  readonly logger: Logger;
  readonly counters: Counters;
  /** What recovery applied on top of the newest snapshot. */
  readonly replayed: { readonly bytes: number; readonly entries: number };
  readonly post: (event: InputEvent) => void;
  readonly issueRequestId: () => RequestId;
  /** Forgets what waits to be applied. */
  readonly dropApplies: () => void;
  /** The state was replaced: it holds every entry up to here. */
  readonly installed: (upTo: LogIndex) => void;
  readonly failed: (error: Error) => void;
}

/** The parts of a node that can make and send snapshots. */
interface Parts {
  readonly store: SnapshotStore;
  readonly maker: SnapshotMaker;
  readonly purger: LogPurger;
  readonly sender: SnapshotSender;
  readonly receiver: SnapshotReceiver;
}

/**
 * Everything that a node does with snapshots: makes them, purges the log behind them, sends and
 * receives them. Without a store for them, or with a state machine that cannot be frozen and
 * replaced, there are none, and the log is never purged nor bounded.
 */
export class Snapshots {
  readonly #setup: SnapshotsSetup;
  readonly #parts: Parts | undefined;
  #nextLookMs = 0;
  #refusalLogged = false;

  constructor(setup: SnapshotsSetup) {
    this.#setup = setup;
    const { snapshots: store, stateMachine } = setup;
    if (store === undefined || !isSource(stateMachine)) return;
    const { options, clock, electionTimeoutMs: answerTimeoutMs } = setup;
    const bucket = new TokenBucket(options.snapshotBytesPerSecond, clock.nowMs());
    const shared = { ...setup, snapshots: store };
    const maker = new SnapshotMaker(
      { ...shared, stateMachine, authorId: setup.self, onMade: () => this.#parts?.purger.check() },
      setup.replayed,
    );
    const sender = new SnapshotSender({ ...shared, bucket, answerTimeoutMs });
    const purger = new LogPurger({
      ...shared,
      hold: () => sender.hold,
      makeSnapshot: () => maker.begin(),
    });
    const receiver = new SnapshotReceiver({
      ...shared,
      restore: () => stateMachine.restore(),
      install: (built) => this.#install(built),
    });
    this.#parts = { store, maker, purger, sender, receiver };
  }

  /** Why no writes are taken in, if the log is too long. */
  get logFull(): string | undefined {
    return this.#parts?.purger.full;
  }

  /** Of the newest complete one. */
  get newest(): SnapshotLabel | undefined {
    return this.#parts?.store.newest;
  }

  metrics(): Pick<DriverMetrics, "snapshotsSending" | "snapshotsReceiving" | "snapshotIndex"> {
    const parts = this.#parts;
    return {
      snapshotsSending: parts?.sender.sending ?? 0,
      snapshotsReceiving: parts?.receiver.receiving ? 1 : 0,
      snapshotIndex: this.newest?.lastIncluded.index ?? 0,
    };
  }

  /** See `SnapshotMaker.save`. */
  save(): Promise<SnapshotLabel> {
    return this.#parts?.maker.save() ?? Promise.reject(unsupported());
  }

  /** Opens the newest one, and makes one when there is none. The caller closes it. */
  async open(): Promise<SnapshotFile> {
    if (this.#parts === undefined) throw unsupported();
    const { store } = this.#parts;
    const { lastIncluded } = store.newest ?? (await this.save());
    try {
      return await store.open(lastIncluded);
    } catch (error) {
      const newer = store.newest?.lastIncluded ?? lastIncluded;
      if (!isEngineError(error, "INVALID_REQUEST") || newer.index <= lastIncluded.index)
        throw error;
      // A newer one has taken its place meanwhile.
      return store.open(newer);
    }
  }

  entryApplied(entry: Entry): void {
    this.#parts?.maker.entryApplied(entry);
  }

  /** A stretch of entries is applied. */
  applied(): void {
    this.#parts?.maker.check();
  }

  /** Time has passed. */
  tick(): void {
    const nowMs = this.#setup.clock.nowMs();
    if (this.#parts === undefined || nowMs < this.#nextLookMs) return;
    this.#nextLookMs = nowMs + lookEveryMs;
    this.#parts.maker.check();
    this.#parts.purger.check();
  }

  /** A step of the core is done. */
  stepped(): void {
    this.#parts?.sender.check();
    this.#parts?.receiver.check();
  }

  work(work: SnapshotWork): void {
    if (this.#parts === undefined) {
      if (!this.#refusalLogged) this.#setup.logger.error(`${needed}: ${unsupported().message}`);
      this.#refusalLogged = true;
      return;
    }
    const { sender, receiver } = this.#parts;
    switch (work.kind) {
      case "send":
        sender.send(work.peer);
        break;
      case "chunks":
        receiver.chunks(work.from, work.message);
        break;
      case "answer":
        sender.answer(work.from, work.message);
        break;
      default:
        assertNever(work);
    }
  }

  /** Whether the reply was meant for a snapshot. */
  reply(reply: Reply): boolean {
    return this.#parts?.receiver.reply(reply) ?? false;
  }

  /** Gives up what is under way; resolves when no file is touched any more. */
  async close(): Promise<void> {
    const { maker, sender, receiver, purger } = this.#parts ?? {};
    const all = [maker?.close(), sender?.close(), receiver?.close(), purger?.close()];
    await Promise.all(all);
  }

  /** In the turn in which the core has taken the snapshot over: nothing is applied in between. */
  #install({ label, configuration, restoration }: BuiltSnapshot): void {
    const { stateMachine, dropApplies, installed, logger } = this.#setup;
    const { index } = label.lastIncluded;
    dropApplies();
    restoration.finish(index);
    this.#setup.configuration.replace(configuration);
    stateMachine.configured?.(configuration);
    this.#parts?.maker.installed();
    logger.info(`state replaced by the snapshot up to entry ${index}`);
    installed(index);
  }
}

function isSource(
  stateMachine: StateMachine<unknown>,
): stateMachine is StateMachine<unknown> & SnapshotSource {
  return stateMachine.snapshot !== undefined && stateMachine.restore !== undefined;
}

function unsupported(): EngineError {
  return new EngineError(
    "UNIMPLEMENTED",
    "this node makes no snapshots: its storage has no place for them, or its state machine has no " +
      "snapshot() and restore()",
  );
}

const needed = "a member can only catch up by a snapshot";
/** How often the size of the log is looked at. */
const lookEveryMs = 500;
