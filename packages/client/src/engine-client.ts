import type { NodeId, NodeStatus, RoleKind, Term } from "@d-engine/core";
import type { KvOperations } from "./kv/kv-operations.js";
import type { Lease } from "./kv/lease.js";

/** Keys and values are bytes; a string stands for its UTF-8 form. */
export type Bytes = string | Uint8Array;

/**
 * How fresh a read must be.
 * - `linearizable`: sees every write acknowledged before the read began, on any node.
 * - `lease`: the same promise, resting on the leader's lease and the stated clock bound instead
 *   of a round of messages.
 * - `eventual`: what this node has applied; may be behind, never goes back on the same node.
 */
export type Consistency = "linearizable" | "lease" | "eventual";

/** Every call can be aborted and bounded in time. */
export interface CallOptions {
  /** Aborting rejects with `signal.reason`; a write that was already sent may still happen. */
  readonly signal?: AbortSignal;
  /** Milliseconds until the call gives up: `OUTCOME_UNKNOWN` for a write already proposed. */
  readonly timeoutMs?: number;
}

/** Options of the reads. */
export interface ReadOptions extends CallOptions {
  /** @defaultValue the server's default policy */
  readonly consistency?: Consistency;
}

/** Options of `put`. */
export interface PutOptions extends CallOptions {
  /**
   * Milliseconds until the key is deleted, unless it is written before: never earlier, by the time
   * of the cluster, and also while no client is there. Not together with `lease`.
   * @defaultValue for ever
   */
  readonly ttlMs?: number;
  /**
   * The lease that the key ends with, or its id. A `Lease` that may not be held any more refuses the
   * put before it is sent.
   * @defaultValue none
   */
  readonly lease?: Lease | number;
}

/** What `put` resolves to. */
export interface PutResult {
  /** The store revision that this write made. */
  readonly revision: number;
}

/** One key of the store with its value. */
export interface KeyValue {
  readonly key: Uint8Array;
  readonly value: Uint8Array;
}

/** What `scanPrefix` resolves to. */
export interface ScanResult {
  /** Ordered by key bytes, all from one revision. */
  readonly entries: readonly KeyValue[];
  /** The store revision that the scan saw. */
  readonly revision: number;
}

/** Who leads, and since which election. */
export interface LeaderInfo {
  readonly leaderId: NodeId;
  readonly term: Term;
}

/** One member of the cluster. */
export interface MemberInfo {
  readonly id: NodeId;
  readonly address: string;
  readonly status: NodeStatus;
  /** As the answering node knows it: its own role, and who leads. */
  readonly role: RoleKind | undefined;
}

/** The members as of one committed change. */
export interface MembershipSnapshot {
  /** The voters, ordered by id. */
  readonly members: readonly NodeId[];
  /** Members that do not vote, ordered by id. */
  readonly learners: readonly NodeId[];
  /** The log entry that made these members; 0 for the first. */
  readonly committedIndex: number;
}

/** Options of `watchMembership`. */
export interface WatchMembershipOptions {
  /** Ends the stream: what is awaited then rejects with `signal.reason`. */
  readonly signal?: AbortSignal;
  /**
   * Milliseconds in a row without any node that answers, after which it rejects with
   * `CLUSTER_UNAVAILABLE`. Means nothing to an engine in this process, which always answers.
   * @defaultValue as for calls
   */
  readonly timeoutMs?: number;
}

/**
 * The operations of the store: the same for an engine inside this process and for a cluster
 * reached over gRPC. Every method rejects with `EngineError`; `outcome` tells whether a failed
 * write may still take effect. Byte arrays given in are copied before the call returns its
 * promise; byte arrays handed out belong to the caller.
 */
export interface EngineClient extends KvOperations, AsyncDisposable {
  /**
   * Sets a key, and ends what bound it to a lease or a time to live before. Resolves once the write
   * is durable on a majority and applied. `LEASE_NOT_FOUND` when the lease given has ended.
   */
  put(key: Bytes, value: Bytes, options?: PutOptions): Promise<PutResult>;
  /** Removes a key; resolves to whether it existed. */
  delete(key: Bytes, options?: CallOptions): Promise<boolean>;
  /**
   * Sets `key` to `value` when its present value equals `expected`; `undefined` means "must not
   * exist", which is not the same as an empty value. Resolves to whether it was set.
   */
  compareAndSwap(
    key: Bytes,
    expected: Bytes | undefined,
    value: Bytes,
    options?: CallOptions,
  ): Promise<boolean>;
  get(key: Bytes, options?: ReadOptions): Promise<Uint8Array | undefined>;
  /** Like `get`, decoded as UTF-8. */
  getString(key: Bytes, options?: ReadOptions): Promise<string | undefined>;
  /** One consistent view of several keys, in the order asked for. */
  getMulti(keys: readonly Bytes[], options?: ReadOptions): Promise<(Uint8Array | undefined)[]>;
  /** All keys that begin with `prefix`, in byte order. An empty prefix means every key. */
  scanPrefix(prefix: Bytes, options?: ReadOptions): Promise<ScanResult>;
  /** `put` with `ttlMs`, in seconds, rounded to milliseconds. */
  putWithTtl(key: Bytes, value: Bytes, ttlSecs: number, options?: CallOptions): Promise<PutResult>;
  /** `get` with consistency `linearizable`. */
  getLinearizable(key: Bytes, options?: CallOptions): Promise<Uint8Array | undefined>;
  /** `get` with consistency `lease`. */
  getLease(key: Bytes, options?: CallOptions): Promise<Uint8Array | undefined>;
  /** `get` with consistency `eventual`. */
  getEventual(key: Bytes, options?: CallOptions): Promise<Uint8Array | undefined>;
  /** The cluster's members as the asked node's configuration has them. */
  listMembers(options?: CallOptions): Promise<readonly MemberInfo[]>;
  /** Who leads, once it can serve; `undefined` while nobody does. */
  getLeaderId(options?: CallOptions): Promise<NodeId | undefined>;
  /**
   * The committed members now, then each change, in the order of `committedIndex`, which never goes
   * back. A slow consumer gets the newest and not those between. A client that is connected follows
   * one node, another when that is lost or behind what was told before; an embedded one tells what is
   * applied here. While that node is cut off from the others there is no news. Ends with the client; `break` releases it. One `for await` per stream.
   *
   * @throws EngineError `CLOSED` at once when the client is closed; from the loop
   *   `CLUSTER_UNAVAILABLE` when no node has answered for `timeoutMs`
   * @example
   * for await (const { members, learners } of client.watchMembership()) {
   *   console.log(`voters ${members}, learners ${learners}`);
   * }
   */
  watchMembership(
    options?: WatchMembershipOptions,
  ): AsyncIterableIterator<MembershipSnapshot, undefined>;
  /** Stops intake, waits for calls in flight, releases. Idempotent. */
  close(): Promise<void>;
}
