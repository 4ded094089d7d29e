import type { Consistency, KeyValue } from "@d-engine/client";
import type { KvQuery, KvQueryResult } from "@d-engine/codec";
import type {
  LeaderHint,
  LogIndex,
  MembershipChange,
  MembershipConfiguration,
  NodeId,
  NodeIdentity,
  RoleKind,
  Term,
} from "@d-engine/core";
import type { WriteOutcome } from "@d-engine/kv";
import type { LocalWatch, WatchSpec } from "../watch/local-watch.js";
import type { Caller } from "./caller.js";
import type { CancelSignal } from "./cancel-signal.js";
import type { MembershipListener } from "./membership-feed.js";
import type { NodeAuth } from "./node-auth.js";

export type { WriteOutcome } from "@d-engine/kv";

/** What one node knows about itself at this moment. */
export interface LocalNodeStatus {
  readonly nodeId: NodeId;
  readonly clusterId: string;
  readonly role: RoleKind;
  readonly term: Term;
  readonly leaderId: NodeId | undefined;
  /** A leader whose noop is committed and applied: it can serve. */
  readonly leaderReady: boolean;
  readonly commitIndex: LogIndex;
  readonly lastApplied: LogIndex;
  readonly lastLogIndex: LogIndex;
  /** The one in effect, which may not be committed yet. */
  readonly configuration: MembershipConfiguration;
  /** The entry that made the newest committed configuration; 0 for the first members. */
  readonly configurationVersion: LogIndex;
  /** Store revision of the applied state. */
  readonly revision: number;
  readonly logBytes: number;
  readonly keys: number;
}

export interface DeadlineOptions {
  /** An `AbortSignal`, or as much of one as is needed. */
  readonly signal?: CancelSignal | undefined;
  /** Milliseconds from now. */
  readonly timeoutMs?: number | undefined;
}

export interface MembershipChangeOptions extends DeadlineOptions {
  /**
   * The index of the configuration entry that the caller has seen: with another one in effect the
   * change is refused with `VERSION_CONFLICT`. `undefined` takes any.
   */
  readonly version?: LogIndex | undefined;
}

export interface WriteRequestOptions extends DeadlineOptions {
  /** @defaultValue the program that the node runs in */
  readonly caller?: Caller | undefined;
}

export interface WatchRequestOptions {
  /** As in `WriteRequestOptions`. */
  readonly caller?: Caller | undefined;
  /** Aborting ends the watch with the signal's reason. */
  readonly signal?: CancelSignal | undefined;
}

export interface ReadRequestOptions extends DeadlineOptions {
  /** `undefined`: the node's default policy. */
  readonly consistency?: Consistency | undefined;
  /** As in `WriteRequestOptions`. */
  readonly caller?: Caller | undefined;
}

export interface QueryRequestOptions extends ReadRequestOptions {
  /** About as many bytes of entries are answered at most, but at least one entry. */
  readonly bytesMax?: number | undefined;
}

/** The members as a node has applied them, and the way to change them. */
export interface LocalMembership {
  /** Committed; the version is the index of its entry. */
  readonly configuration: MembershipConfiguration;
  /** Calls back with each later one, in order; the returned function ends that. */
  subscribe(listener: MembershipListener): () => void;
  /** As `Driver.changeMembership`. */
  change(
    change: MembershipChange,
    options?: MembershipChangeOptions,
  ): Promise<MembershipConfiguration>;
}

/**
 * The operations that one node serves by itself, without forwarding: what the gRPC services and
 * the embedded client both stand on. Everything rejects with `EngineError`; on a node that does
 * not lead writes reject with `NOT_LEADER` and a hint.
 */
export interface LocalNode {
  status(): LocalNodeStatus;
  readonly identity: NodeIdentity;
  readonly membership: LocalMembership;
  readonly auth: NodeAuth;
  /** Address and id of the leader, as far as known here. */
  leaderHint(): LeaderHint | undefined;
  /** Checks, appends and applies one encoded `WriteCommand`; the bytes are owned by the node. */
  write(command: Uint8Array, options?: WriteRequestOptions): Promise<WriteOutcome>;
  /** One consistent view. Results are views of the state: copy before handing them to users. */
  read(
    keys: readonly Uint8Array[],
    options?: ReadRequestOptions,
  ): Promise<readonly (Uint8Array | undefined)[]>;
  scan(
    prefix: Uint8Array,
    options?: ReadRequestOptions,
  ): Promise<{ readonly entries: readonly KeyValue[]; readonly revision: number }>;
  /**
   * Answers one query, encoded or not: ranges, also of the past, and leases. A range is cut off
   * (`more`) where the answer would become too large. Rejects with `COMPACTED` for a revision that is
   * no longer kept.
   */
  query(query: Uint8Array | KvQuery, options?: QueryRequestOptions): Promise<KvQueryResult>;
  /**
   * Watches what this node applies, on every role.
   *
   * @throws EngineError at once: `INVALID_REQUEST`, `COMPACTED`, `RATE_LIMITED`, `CLOSED`
   */
  watch(spec: WatchSpec, options?: WatchRequestOptions): LocalWatch;
}
