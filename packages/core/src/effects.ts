import type { Entry } from "./entry.js";
import type { EngineErrorCode } from "./errors.js";
import type { BatchId, LogIndex, NodeId, RequestId, Term } from "./ids.js";
import type { Envelope, Message } from "./message.js";

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
  /** The state machine holds every entry up to here. */
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
  readonly send: readonly Envelope[];
  /** Rests on `batch`, and on every batch before it. */
  readonly sendAfterPersist: readonly Envelope[];
  /** Committed, in log order, without gaps, each exactly once. */
  readonly apply: readonly Entry[];
  readonly replies: readonly Reply[];
  /** Old entries that the core no longer caches; answered by a `logRead` input. */
  readonly readLog: readonly LogReadRequest[];
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
  "NOT_LEADER" | "RATE_LIMITED" | "CLUSTER_UNAVAILABLE" | "INVALID_REQUEST" | "LEADER_CHANGED"
>;
