import type { KeyValue } from "@d-engine/client";
import {
  appendStamp,
  CodecError,
  decodeKvQuery,
  encodeKvWrite,
  type KvQuery,
  type KvQueryResult,
  keyToString,
  Slab,
  withIdentity,
} from "@d-engine/codec";
import { EngineError, invariant, type LeaderHint, type NodeIdentity } from "@d-engine/core";
import {
  type KvStateMachine,
  prefixRange,
  readDenialOf,
  spanRange,
  type WriteOutcome,
} from "@d-engine/kv";
import type { LocalWatch, WatchSpec } from "../watch/local-watch.js";
import { WatchHub, type WatchMetrics } from "../watch/watch-hub.js";
import { WATCH_DEFAULTS, type WatchOptions } from "../watch/watch-options.js";
import { accessOf, type Caller, LOCAL_IDENTITY, throwDenial } from "./caller.js";
import type { Driver } from "./driver.js";
import { notServing } from "./driver-errors.js";
import { AUTH_LEVEL, type FeatureGate, KV_COMMANDS_LEVEL, openGate } from "./feature-gate.js";
import type {
  LocalMembership,
  LocalNode,
  LocalNodeStatus,
  QueryRequestOptions,
  ReadRequestOptions,
  WatchRequestOptions,
  WriteRequestOptions,
} from "./local-node.js";
import { type NodeAuth, StoreAuth } from "./node-auth.js";
import { KvIntake, type KvProposal } from "./time/kv-intake.js";
import { KvKeeper } from "./time/kv-keeper.js";
import type { UpkeepCommand } from "./time/timed-store.js";

/** The key-value operations of one node: a driver, the store that it feeds and keeps, its watches. */
export class KvNode implements LocalNode {
  readonly driver: Driver<WriteOutcome>;
  readonly store: KvStateMachine;
  readonly membership: LocalMembership;
  readonly auth: NodeAuth;
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
      allowed: () => {
        const level = store.auth.enabled ? AUTH_LEVEL : KV_COMMANDS_LEVEL;
        return features.refusal(level) === undefined;
      },
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
    store.onAuthChanged = () => this.#watches.reviewReaders();
    this.auth = new StoreAuth({
      store,
      propose: (command, options) => this.#changeAuth(command, options),
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

  write(command: Uint8Array, options?: WriteRequestOptions): Promise<WriteOutcome> {
    return this.writeWith(command, asIs, options);
  }

  read(
    keys: readonly Uint8Array[],
    options?: ReadRequestOptions,
  ): Promise<readonly (Uint8Array | undefined)[]> {
    return this.readWith((store) => {
      for (const key of keys) this.checkKey(key);
      const access = accessOf(store.auth, options?.caller);
      if (access !== undefined) {
        for (const key of keys)
          throwDenial(readDenialOf(access, spanRange({ key, rangeEnd: undefined })));
      }
      return store.getMulti(keys);
    }, options);
  }

  scan(
    prefix: Uint8Array,
    options?: ReadRequestOptions,
  ): Promise<{ readonly entries: readonly KeyValue[]; readonly revision: number }> {
    return this.readWith((store) => {
      const access = accessOf(store.auth, options?.caller);
      if (access !== undefined) throwDenial(readDenialOf(access, prefixRange(keyToString(prefix))));
      return store.scanPrefix(prefix);
    }, options);
  }

  watch(spec: WatchSpec, options?: WatchRequestOptions): LocalWatch {
    this.driver.checkServing();
    const { caller, signal } = options ?? {};
    if (caller === undefined) return this.#watches.watch(spec, { signal });
    return this.#watches.watch(spec, { signal, check: () => this.#checkWatcher(spec, caller) });
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
    options?: WriteRequestOptions,
  ): Promise<T> {
    let proposal: ReturnType<KvIntake["admit"]>;
    try {
      proposal = this.#intake.admit(command, options?.caller);
    } catch (error) {
      return Promise.reject(error);
    }
    if (proposal === undefined) {
      const finishPlain = (outcome: WriteOutcome): T => {
        if (outcome.refusal !== undefined) throw askedForMeanwhile();
        return finish(outcome);
      };
      return this.driver.propose(command, finishPlain, options);
    }
    return this.#propose(proposal, finish, options);
  }

  #propose<T>(
    proposal: KvProposal,
    finish: (outcome: WriteOutcome) => T,
    options: WriteRequestOptions | undefined,
  ): Promise<T> {
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
    return this.readWith((store) => {
      const access = accessOf(store.auth, options?.caller);
      if (access !== undefined) throwDenial(store.queryDenialOf(decoded, access));
      return store.query(decoded, bytesMax, time.nowMs());
    }, options);
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
    if (command.kind === "compact") {
      const { enabled } = this.store.auth;
      const named = enabled ? withIdentity(this.#upkeep, bytes, LOCAL_IDENTITY) : bytes;
      return this.driver.proposeSystem(named);
    }
    return this.driver.proposeSystem(appendStamp(this.#upkeep, bytes, stampMs), "upkeep");
  }

  #changeAuth(command: Uint8Array, options: WriteRequestOptions): Promise<unknown> {
    let proposal: KvProposal;
    try {
      proposal = this.#intake.admitAuth(command, options.caller);
    } catch (error) {
      return Promise.reject(error);
    }
    return this.#propose(proposal, asIs, options);
  }

  /** Throws when the keys of a watch are not (any more) to be read by whoever watches. */
  #checkWatcher(spec: WatchSpec, caller: Caller): void {
    const access = accessOf(this.store.auth, caller);
    if (access !== undefined) throwDenial(readDenialOf(access, spanRange(spec)));
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

/** Proposed while nobody was asked for, and applied behind the change that asks. */
function askedForMeanwhile(): EngineError {
  const message = "users began to be asked for while the write was under way; try again";
  return new EngineError("PROPOSE_FAILED", message);
}

function asIs(outcome: WriteOutcome): WriteOutcome {
  return outcome;
}
