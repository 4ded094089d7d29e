import type { KeyValue } from "@d-engine/client";
import {
  appendStamp,
  CodecError,
  decodeKvQuery,
  encodeKvWrite,
  type KvQuery,
  type KvQueryResult,
  Slab,
} from "@d-engine/codec";
import { EngineError, invariant, type LeaderHint, type NodeIdentity } from "@d-engine/core";
import type { KvStateMachine, WriteOutcome } from "@d-engine/kv";
import type { LocalWatch, WatchSpec } from "../watch/local-watch.js";
import { WatchHub, type WatchMetrics } from "../watch/watch-hub.js";
import { WATCH_DEFAULTS, type WatchOptions } from "../watch/watch-options.js";
import type { Driver } from "./driver.js";
import { notServing } from "./driver-errors.js";
import { type FeatureGate, KV_COMMANDS_LEVEL, openGate } from "./feature-gate.js";
import type {
  DeadlineOptions,
  LocalMembership,
  LocalNode,
  LocalNodeStatus,
  QueryRequestOptions,
  ReadRequestOptions,
  WatchRequestOptions,
} from "./local-node.js";
import { KvIntake } from "./time/kv-intake.js";
import { KvKeeper } from "./time/kv-keeper.js";
import type { UpkeepCommand } from "./time/timed-store.js";

/** The key-value operations of one node: a driver, the store that it feeds and keeps, its watches. */
export class KvNode implements LocalNode {
  readonly driver: Driver<WriteOutcome>;
  readonly store: KvStateMachine;
  readonly membership: LocalMembership;
  readonly #intake: KvIntake;
  readonly #upkeep = new Slab();
  readonly #watches: WatchHub;

  /**
   * The driver was started over the store, and with its stamps (`kvStamps`). `features` knows the
   * versions of the other members; without it they are taken to be of this one's.
   */
  constructor(
    driver: Driver<WriteOutcome>,
    store: KvStateMachine,
    features: FeatureGate = openGate,
    watchOptions: WatchOptions = WATCH_DEFAULTS,
  ) {
    invariant(driver.time.follows, "a driver of a key-value store needs its stamps");
    this.driver = driver;
    this.store = store;
    this.#intake = new KvIntake(driver, store, features);
    const keeper = new KvKeeper({
      store,
      time: driver.time,
      clock: driver.time.clock,
      counters: driver.counters,
      leadsIn: () => (driver.leads ? driver.leader.current?.term : undefined),
      allowed: () => features.refusal(KV_COMMANDS_LEVEL) === undefined,
      propose: (command, stampMs) => this.#keep(command, stampMs),
      historyRetentionMs: driver.options.historyRetentionMs,
    });
    driver.ticks.subscribe(() => keeper.tick());
    this.#watches = new WatchHub({
      source: store,
      clock: driver.time.clock,
      options: watchOptions,
      keyBytesMax: store.limits.keyBytesMax,
    });
    driver.ticks.subscribe(() => this.#watches.review(driver.silence.leaderMs));
    void driver.closed.then((failure) => this.#watches.close(notServing(failure)));
    this.membership = {
      get configuration() {
        return driver.configuration;
      },
      subscribe: (listener) => driver.subscribeMembership(listener),
      change: (change, options) => driver.changeMembership(change, options),
    };
  }

  get identity(): NodeIdentity {
    return this.driver.identity;
  }

  status(): LocalNodeStatus {
    const { driver, store } = this;
    const raft = driver.status();
    return {
      nodeId: driver.identity.nodeId,
      clusterId: driver.identity.clusterId,
      role: raft.role,
      term: raft.term,
      leaderId: raft.leaderId,
      leaderReady: raft.leaderReady,
      commitIndex: raft.commitIndex,
      lastApplied: store.lastApplied,
      lastLogIndex: raft.last.index,
      configuration: raft.configuration,
      configurationVersion: driver.configuration.logId.index,
      revision: store.revision,
      logBytes: driver.logBytes,
      keys: store.keys,
    };
  }

  /** Whether the cluster has no other member to ask. */
  get isOnlyMember(): boolean {
    const { configuration, identity } = this.driver;
    // Before its admission it may know only of a predecessor under its id, who was alone.
    if (configuration.logId.index < identity.joinedAt) return false;
    const { members } = configuration;
    return members.length === 1 && members[0]?.id === identity.nodeId;
  }

  leaderHint(): LeaderHint | undefined {
    return this.driver.leaderHint();
  }

  write(command: Uint8Array, options?: DeadlineOptions): Promise<WriteOutcome> {
    return this.writeWith(command, asIs, options);
  }

  read(
    keys: readonly Uint8Array[],
    options?: ReadRequestOptions,
  ): Promise<readonly (Uint8Array | undefined)[]> {
    return this.readWith((store) => {
      for (const key of keys) this.checkKey(key);
      return store.getMulti(keys);
    }, options);
  }

  scan(
    prefix: Uint8Array,
    options?: ReadRequestOptions,
  ): Promise<{ readonly entries: readonly KeyValue[]; readonly revision: number }> {
    return this.readWith((store) => store.scanPrefix(prefix), options);
  }

  watch(spec: WatchSpec, options?: WatchRequestOptions): LocalWatch {
    this.driver.checkServing();
    return this.#watches.watch(spec, options);
  }

  watchMetrics(): WatchMetrics {
    return this.#watches.metrics();
  }

  /**
   * Like `write`, resolving with what `finish` makes of the outcome. What was refused when it was
   * applied rejects with that refusal, here for all callers.
   */
  writeWith<T>(
    command: Uint8Array,
    finish: (outcome: WriteOutcome) => T,
    options?: DeadlineOptions,
  ): Promise<T> {
    let proposal: ReturnType<KvIntake["admit"]>;
    try {
      proposal = this.#intake.admit(command);
    } catch (error) {
      return Promise.reject(error);
    }
    if (proposal === undefined) return this.driver.propose(command, finish, options);
    const { admission } = proposal;
    const finishAdmitted = (outcome: WriteOutcome): T => {
      this.#throwRefusal(outcome);
      return finish(outcome);
    };
    return this.driver.propose(proposal.command, finishAdmitted, { ...options, admission });
  }

  /**
   * Answers a query (`d_engine.kv.v1.Query`, encoded or not) from a state as fresh as asked. Bytes
   * of the answer are views of the state.
   *
   * @throws EngineError `COMPACTED`, `INVALID_REQUEST`, and as `read`
   */
  query(query: Uint8Array | KvQuery, options?: QueryRequestOptions): Promise<KvQueryResult> {
    let decoded: KvQuery;
    try {
      decoded = query instanceof Uint8Array ? decodedQuery(query) : query;
    } catch (error) {
      return Promise.reject(error);
    }
    const bytesMax = options?.bytesMax ?? queryBytesDefault;
    const { time } = this.driver;
    return this.readWith((store) => store.query(decoded, bytesMax, time.nowMs()), options);
  }

  /** Calls `serve` once, when the store is as fresh as asked; resolves with its value. */
  readWith<T>(serve: (store: KvStateMachine) => T, options?: ReadRequestOptions): Promise<T> {
    return this.driver.read(() => serve(this.store), options);
  }

  /** Throws `INVALID_REQUEST` for what can not be a key of this store. */
  checkKey(key: Uint8Array): void {
    const { keyBytesMax } = this.store.limits;
    if (key.length > 0 && key.length <= keyBytesMax) return;
    const message = `a key has 1 to ${keyBytesMax} bytes (keyBytesMax), got ${key.length}`;
    throw new EngineError("INVALID_REQUEST", message);
  }

  /** Compaction can wait for room on the disk, the end of leases can not (rule R10). */
  #keep(command: UpkeepCommand, stampMs: number): Promise<void> {
    const bytes = encodeKvWrite(this.#upkeep, command);
    if (command.kind === "compact") return this.driver.proposeSystem(bytes);
    return this.driver.proposeSystem(appendStamp(this.#upkeep, bytes, stampMs), "upkeep");
  }

  #throwRefusal({ refusal }: WriteOutcome): void {
    if (refusal === undefined) return;
    const { code, message } = refusal;
    const { retryAfterMs } = this.driver.options;
    throw new EngineError(code, message, code === "RATE_LIMITED" ? { retryAfterMs } : {});
  }
}

/** An answer of this size fits into every message of ours. */
const queryBytesDefault = 2 * 1024 * 1024;

function decodedQuery(bytes: Uint8Array): KvQuery {
  try {
    return decodeKvQuery(bytes);
  } catch (cause) {
    if (!(cause instanceof CodecError)) throw cause;
    const message = `the query cannot be decoded: ${cause.message}`;
    throw new EngineError("INVALID_REQUEST", message, { cause });
  }
}

function asIs(outcome: WriteOutcome): WriteOutcome {
  return outcome;
}
