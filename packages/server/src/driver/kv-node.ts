import type { KeyValue } from "@d-engine/client";
import type { KvQuery, KvQueryResult } from "@d-engine/codec";
import { EngineError, type LeaderHint, type NodeIdentity } from "@d-engine/core";
import type { KvStateMachine, WriteOutcome } from "@d-engine/kv";
import type { LocalWatch, WatchSpec } from "../watch/local-watch.js";
import { WatchHub, type WatchMetrics } from "../watch/watch-hub.js";
import { WATCH_DEFAULTS, type WatchOptions } from "../watch/watch-options.js";
import type { Driver } from "./driver.js";
import { notServing } from "./driver-errors.js";
import type {
  DeadlineOptions,
  LocalMembership,
  LocalNode,
  LocalNodeStatus,
  ReadRequestOptions,
  WatchRequestOptions,
} from "./local-node.js";

/** Bytes of entries in the answer to a query; what is more is asked for again. */
const queryBytesMax = 1024 * 1024;

/** The key-value operations of one node: a driver, the store that it feeds, and its watches. */
export class KvNode implements LocalNode {
  readonly driver: Driver<WriteOutcome>;
  readonly store: KvStateMachine;
  readonly membership: LocalMembership;
  readonly #watches: WatchHub;

  constructor(
    driver: Driver<WriteOutcome>,
    store: KvStateMachine,
    watchOptions: WatchOptions = WATCH_DEFAULTS,
  ) {
    this.driver = driver;
    this.store = store;
    this.#watches = new WatchHub({
      source: store,
      clock: driver.clock,
      options: watchOptions,
      keyBytesMax: store.limits.keyBytesMax,
    });
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
    return this.driver.propose(command, asIs, options);
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

  query(query: KvQuery, options?: ReadRequestOptions): Promise<KvQueryResult> {
    return this.readWith((store) => store.query(query, queryBytesMax), options);
  }

  watch(spec: WatchSpec, options?: WatchRequestOptions): LocalWatch {
    this.driver.checkServing();
    return this.#watches.watch(spec, options);
  }

  watchMetrics(): WatchMetrics {
    return this.#watches.metrics();
  }

  /** Like `write`, resolving with what `finish` makes of the outcome. */
  writeWith<T>(
    command: Uint8Array,
    finish: (outcome: WriteOutcome) => T,
    options?: DeadlineOptions,
  ): Promise<T> {
    return this.driver.propose(command, finish, options);
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
}

function asIs(outcome: WriteOutcome): WriteOutcome {
  return outcome;
}
