import type { Entry } from "./entry.js";
import type { LogId, LogIndex, NodeId, Term } from "./ids.js";

/** A message with its addressee. `from` is always the node whose effects it stands in. */
export interface Envelope {
  readonly to: NodeId;
  readonly message: Message;
}

/** Everything that Raft nodes say to each other. The wire forms are in the `codec` package. */
export type Message =
  | AppendEntries
  | AppendEntriesResponse
  | RequestVote
  | RequestVoteResponse
  | PreVote
  | PreVoteResponse
  | TimeoutNow
  | ReadIndex
  | ReadIndexResponse
  | InstallSnapshot
  | InstallSnapshotResponse;

/** Replicates entries, and is the heartbeat when it holds none (paper §5.3, Figure 2). */
export interface AppendEntries {
  readonly kind: "appendEntries";
  readonly term: Term;
  readonly leaderId: NodeId;
  /** The entry right before `entries[0]`; (0, 0) before the first, checked like any other. */
  readonly prev: LogId;
  /** Contiguous from `prev.index + 1`. */
  readonly entries: readonly Entry[];
  readonly leaderCommit: LogIndex;
  /** Counts the leader's rounds within its term; echoed by the answer (rule R4). */
  readonly round: number;
}

export interface AppendEntriesResponse {
  readonly kind: "appendEntriesResponse";
  /** The answerer's term after it looked at the request. */
  readonly term: Term;
  /** The round of the request, or `undefined` when a foreign peer did not echo it. */
  readonly round: number | undefined;
  /** The answerer's minimum election timeout in milliseconds (rule R3); 0 when unknown. */
  readonly minElectionTimeoutMs: number;
  readonly result: AppendResult;
}

export type AppendResult =
  /** Verified and durable up to `lastMatch`, never beyond prev + entries of that request. */
  | { readonly kind: "success"; readonly lastMatch: LogId }
  /**
   * The log does not hold `prev`. `index` is where to look next: the first index of `term`'s
   * run when the entry at prev differs, or last index + 1 when the log is shorter.
   */
  | { readonly kind: "conflict"; readonly term: Term | undefined; readonly index: LogIndex }
  /** Refused: the answerer is in a later term (`response.term`). */
  | { readonly kind: "higherTerm" };

/** Asks for a vote (paper §5.2). Sent only when its term and own vote are durable. */
export interface RequestVote {
  readonly kind: "requestVote";
  readonly term: Term;
  readonly lastLog: LogId;
  /** Set on a transfer: lifts stickiness at the voter (rule R2). */
  readonly leadershipTransfer: boolean;
}

export interface RequestVoteResponse {
  readonly kind: "requestVoteResponse";
  /** The answerer's term after adoption (rule R4). */
  readonly term: Term;
  readonly granted: boolean;
  readonly lastLog: LogId;
}

/** Asks whether an election in `term` could be won; changes no term anywhere (thesis §9.6). */
export interface PreVote {
  readonly kind: "preVote";
  /** The term that the asker would campaign in: its own plus one. */
  readonly term: Term;
  readonly lastLog: LogId;
}

export interface PreVoteResponse {
  readonly kind: "preVoteResponse";
  /** The answerer's own term. A refused asker adopts a higher one before it asks again (R5). */
  readonly term: Term;
  /** The campaign term that was asked about. */
  readonly campaignTerm: Term;
  readonly granted: boolean;
}

/** Tells the target of a transfer to campaign at once in `term + 1` (rule R2). */
export interface TimeoutNow {
  readonly kind: "timeoutNow";
  readonly term: Term;
}

/** Names one read-index request for ever: a random number per start and a counter (rule R4). */
export interface ReadIndexId {
  readonly nonce: number;
  readonly sequence: number;
}

/** A follower or learner asks the leader for an index that a linearizable read must wait for. */
export interface ReadIndex {
  readonly kind: "readIndex";
  readonly term: Term;
  readonly id: ReadIndexId;
}

export interface ReadIndexResponse {
  readonly kind: "readIndexResponse";
  readonly term: Term;
  readonly id: ReadIndexId;
  /** `undefined`: refused, the addressee does not lead or is overloaded. */
  readonly index: LogIndex | undefined;
}

/** What a snapshot is known by. Two with the same label may differ in bytes, not in state. */
export interface SnapshotLabel {
  /** The last entry whose effect the snapshot holds. */
  readonly lastIncluded: LogId;
  /** SHA-256 of the whole file, 32 bytes. */
  readonly checksum: Uint8Array;
  /** Size of the whole file. */
  readonly bytes: number;
}

/** One piece of a snapshot file. All but the last have the same size. */
export interface SnapshotChunk {
  /** Counts from 0. */
  readonly sequence: number;
  /** CRC-32 of `data`. */
  readonly crc32: number;
  readonly data: Uint8Array;
}

/**
 * Sends a part of a snapshot (paper §7). Each answer names the first chunk that is wanted next, so
 * that a transfer goes on after a break; without chunks it only asks for that.
 */
export interface InstallSnapshot {
  readonly kind: "installSnapshot";
  readonly term: Term;
  readonly leaderId: NodeId;
  readonly label: SnapshotLabel;
  readonly totalChunks: number;
  /** Size of every chunk but the last. */
  readonly chunkBytes: number;
  /** Contiguous, possibly none. */
  readonly chunks: readonly SnapshotChunk[];
}

export interface InstallSnapshotResponse {
  readonly kind: "installSnapshotResponse";
  /** The answerer's term after it looked at the request. */
  readonly term: Term;
  /** The label of the snapshot that this is about. */
  readonly lastIncluded: LogId;
  /** The first chunk wanted next; 0 begins anew. Meaningless when `installed`. */
  readonly nextChunk: number;
  /** The answerer holds everything up to `lastIncluded`, durably. */
  readonly installed: boolean;
}
