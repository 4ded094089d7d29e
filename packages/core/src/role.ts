import type { LogIndex, NodeId, RequestId, Term } from "./ids.js";
import type { Progress } from "./progress/progress.js";
import type { ReadQueue } from "./reads/read-queue.js";
import type { Rounds } from "./reads/rounds.js";

/**
 * What a node is at the moment, with the data that only means something while it is that
 * (paper Figure 4). Assigned by `transitions.ts` alone.
 */
export type Role = FollowerRole | PreCandidateRole | CandidateRole | LeaderRole;

/** A learner is a follower that never campaigns. */
export interface FollowerRole {
  readonly kind: "learner" | "follower";
  readonly leaderId: NodeId | undefined;
  /** When it campaigns unless it hears a leader before. */
  electionDeadlineMs: number;
}

export interface PreCandidateRole {
  readonly kind: "preCandidate";
  readonly campaignTerm: Term;
  readonly votes: Map<NodeId, boolean>;
  electionDeadlineMs: number;
}

export interface CandidateRole {
  readonly kind: "candidate";
  readonly votes: Map<NodeId, boolean>;
  electionDeadlineMs: number;
}

export interface LeaderRole {
  readonly kind: "leader";
  /** Every other member, learners included, and removed ones that may not know of it yet. */
  readonly progress: Map<NodeId, Progress>;
  /** Of those, the removed ones. */
  readonly departing: Map<NodeId, Departure>;
  readonly rounds: Rounds;
  readonly reads: ReadQueue;
  /** The noop of this leadership; before it commits nothing is read or committed by count. */
  readonly noopIndex: LogIndex;
  nextHeartbeatMs: number;
  /** Bytes of entries behind the commit index. */
  uncommittedBytes: number;
  transfer: Transfer | undefined;
  /** A TimeoutNow left in this term: no lease read for the rest of it (rule R2). */
  leaseForbidden: boolean;
  /** Rounds up to this one came before a clock jump and grant no lease. */
  leaseVoidRound: number;
}

/** How far the removal of one peer is. */
export interface Departure {
  /** The entry that removes it. */
  readonly index: LogIndex;
  /** Set when that is committed: the round that tells so, and when the peer is given up. */
  farewell?: { readonly round: number; readonly deadlineMs: number };
}

export interface Transfer {
  /** `undefined` when nobody asked: a leader that was removed hands over by itself. */
  readonly requestId: RequestId | undefined;
  readonly target: NodeId;
  readonly deadlineMs: number;
  sent: boolean;
}
