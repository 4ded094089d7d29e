import type { LogIndex, NodeId, RequestId, Term } from "./ids.js";
import type { Progress } from "./progress/progress.js";
import type { ReadQueue } from "./reads/read-queue.js";
import type { Rounds } from "./reads/rounds.js";

/**
 * What a node is at the moment, with the data that only means something while it is that
 * (paper Figure 4). Assigned by `transitions.ts` alone.
 */
export type Role = FollowerRole | PreCandidateRole | CandidateRole | LeaderRole;

/** A learner is a follower that neither votes for itself nor campaigns. */
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
  /** Every other member, learners included. */
  readonly progress: Map<NodeId, Progress>;
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

export interface Transfer {
  readonly requestId: RequestId;
  readonly target: NodeId;
  readonly deadlineMs: number;
  sent: boolean;
}
