import type { Entry, MembershipChange } from "./entry.js";
import type { EngineErrorCode } from "./errors.js";
import type { BatchId, LogId, LogIndex, NodeId, RequestId, Term } from "./ids.js";
import type { MembershipConfiguration } from "./membership/configuration.js";
import type { Envelope, InstallSnapshot, InstallSnapshotResponse, Message } from "./message.js";

/**
 * What a node must find again after a crash before it may speak (paper Figure 2). The election
 * timeout stands here because a leader's lease may rest on it (rule R3).
 */
export interface HardState {
  readonly term: Term;
  readonly votedFor: NodeId | undefined;
  /** The minimum election timeout that this node has promised to others, in milliseconds. */
  readonly minElectionTimeoutMs: number;
}

/** One thing that happened to the node. `nowMs` is read when the driver takes it up (rule R1). */
export type Input = { readonly nowMs: number } & InputEvent;

export type InputEvent =
  /** Time has passed. Wanted at least every tenth of a heartbeat interval. */
  | { readonly kind: "tick" }
  | { readonly kind: "receive"; readonly from: NodeId; readonly message: Message }
  /** Commands for the log. Accepted or refused as a whole by a `proposed` or `refused` reply. */
  | {
      readonly kind: "propose";
      readonly requestId: RequestId;
      readonly commands: readonly Uint8Array[];
    }
  /** Asks for an index at which a linearizable read may be served: `readIndex` or `refused`. */
  | { readonly kind: "read"; readonly requestId: RequestId }
  /** This batch and all before it are on the disk. */
  | { readonly kind: "persisted"; readonly batch: BatchId }
  /** The state machine holds every entry up to here. Ignored when an install has passed it. */
  | { readonly kind: "applied"; readonly upTo: LogIndex }
  /** Entries asked for by `Effects.readLog`; `undefined` when they could not be read. */
  | {
      readonly kind: "logRead";
      readonly peer: NodeId;
      readonly from: LogIndex;
      readonly entries: readonly Entry[] | undefined;
    }
  /** The transport lost its connection to this peer; what was in flight may be gone. */
  | { readonly kind: "unreachable"; readonly peer: NodeId }
  | { readonly kind: "transfer"; readonly requestId: RequestId; readonly target: NodeId }
  /**
   * A change of the members: `proposed` or `refused`, like a command. `version`, when given, is the
   * index of the configuration entry that the caller has seen; another one refuses.
   */
  | {
      readonly kind: "changeMembership";
      readonly requestId: RequestId;
      readonly change: MembershipChange;
      readonly version: LogIndex | undefined;
    }
  /** A durable snapshot of what is applied covers `base`: entries up to it will leave the disk. */
  | { readonly kind: "compact"; readonly base: LogId }
  /**
   * A snapshot of another node is durable here and ready to replace the state machine's state:
   * `installed` or `refused`.
   */
  | {
      readonly kind: "snapshotReceived";
      readonly requestId: RequestId;
      readonly lastIncluded: LogId;
      readonly configuration: MembershipConfiguration;
    }
  /** How far the receipt of a snapshot is, for its sender; `nextChunk` is the first one wanted. */
  | {
      readonly kind: "snapshotProgress";
      readonly to: NodeId;
      readonly lastIncluded: LogId;
      readonly nextChunk: number;
    }
  /** The sending of a snapshot asked for by `Effects.snapshots` has ended, one way or the other. */
  | {
      readonly kind: "snapshotSent";
      readonly peer: NodeId;
      /** The label of what the peer has installed; `undefined` when it came to nothing. */
      readonly lastIncluded: LogId | undefined;
    }
  /** Wall and monotonic clock disagree, so time may have stood still: leases held are void. */
  | { readonly kind: "clockJump" };

/**
 * What the driver must do after a step. Order within a field is binding; `send` may leave before
 * anything is written, `sendAfterPersist` only when `batch` is durable, `apply` at once.
 */
export interface Effects {
  /** The batch that `hardState` and `append` form; unchanged when there is nothing to write. */
  readonly batch: BatchId;
  readonly hardState: HardState | undefined;
  /** Replaces any suffix from `append[0].index` on. */
  readonly append: readonly Entry[];
  /** Written with `batch`, before `append`: the log is empty behind this position (rule R9). */
  readonly resetLog: LogId | undefined;
  readonly send: readonly Envelope[];
  /** Rests on `batch`, and on every batch before it. */
  readonly sendAfterPersist: readonly Envelope[];
  /** Committed, in log order, without gaps, each exactly once. */
  readonly apply: readonly Entry[];
  readonly replies: readonly Reply[];
  /** Old entries that the core no longer caches; answered by a `logRead` input. */
  readonly readLog: readonly LogReadRequest[];
  readonly snapshots: readonly SnapshotWork[];
  /** Set when another configuration took effect: appended, rolled back or installed. */
  readonly configuration: MembershipConfiguration | undefined;
  /** Set when role, term or known leader changed in this step. */
  readonly roleChange: RoleChange | undefined;
}

export interface LogReadRequest {
  readonly peer: NodeId;
  /** First index wanted. */
  readonly from: LogIndex;
  /** One past the last index wanted. */
  readonly to: LogIndex;
  readonly bytesMax: number;
}

/** What moves snapshots between nodes is done outside of the core, which only steers it. */
export type SnapshotWork =
  /**
   * The peer needs entries that the log no longer has. Answered by `snapshotSent`; when one is on
   * its way to the peer already, by the end of that.
   */
  | { readonly kind: "send"; readonly peer: NodeId }
  /** Chunks from the leader of this term. Answered by `snapshotProgress`. */
  | { readonly kind: "chunks"; readonly from: NodeId; readonly message: InstallSnapshot }
  /** A peer's answer of this term to chunks; ignored when nothing is on its way to it any more. */
  | {
      readonly kind: "answer";
      readonly from: NodeId;
      readonly message: InstallSnapshotResponse;
    };

/** Why a role changed stands in `reason`, one line for the log. */
export interface RoleChange {
  readonly role: RoleKind;
  readonly term: Term;
  readonly leaderId: NodeId | undefined;
  readonly reason: string;
}

export type RoleKind = "learner" | "follower" | "preCandidate" | "candidate" | "leader";

/** Answers one request of the driver, exactly once. */
export type Reply =
  /** The commands are in the leader's log from `first` on, not committed yet. */
  | {
      readonly kind: "proposed";
      readonly requestId: RequestId;
      readonly term: Term;
      readonly first: LogIndex;
    }
  /** A read that began before this reply may be served once `index` is applied here. */
  | { readonly kind: "readIndex"; readonly requestId: RequestId; readonly index: LogIndex }
  /** The target leads; this node follows it. */
  | { readonly kind: "transferred"; readonly requestId: RequestId; readonly target: NodeId }
  /** The state machine must hold the snapshot's state before anything else is applied. */
  | {
      readonly kind: "installed";
      readonly requestId: RequestId;
      readonly lastIncluded: LogId;
    }
  /** No effect, now or later. */
  | { readonly kind: "refused"; readonly requestId: RequestId; readonly refusal: Refusal };

export interface Refusal {
  readonly code: RefusalCode;
  /** Who led when this was said, as far as known. */
  readonly leaderId: NodeId | undefined;
  readonly message: string;
}

export type RefusalCode = Extract<
  EngineErrorCode,
  | "NOT_LEADER"
  | "RATE_LIMITED"
  | "CLUSTER_UNAVAILABLE"
  | "INVALID_REQUEST"
  | "LEADER_CHANGED"
  | "CHANGE_IN_PROGRESS"
  | "VERSION_CONFLICT"
  | "LEARNER_NOT_READY"
  | "QUORUM_AT_RISK"
>;
