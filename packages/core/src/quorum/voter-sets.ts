import type { NodeId } from "../ids.js";
import type { MembershipConfiguration } from "../membership/configuration.js";
import { majorityValue, majorityVote, type VoteResult } from "./majority.js";

/**
 * Who must agree. Outside of a joint configuration `outgoing` is empty; inside one, every
 * decision needs a majority of each half (paper §6, rule R5).
 */
export interface VoterSets {
  readonly incoming: readonly NodeId[];
  readonly outgoing: readonly NodeId[];
}

export function voterSetsOf(configuration: MembershipConfiguration): VoterSets {
  const incoming = configuration.members.filter((m) => m.status === "active").map((m) => m.id);
  return { incoming, outgoing: configuration.outgoingVoters ?? [] };
}

/** Every id that votes in one half or both, each once. */
export function allVoters(sets: VoterSets): readonly NodeId[] {
  if (sets.outgoing.length === 0) return sets.incoming;
  return [...new Set([...sets.incoming, ...sets.outgoing])];
}

export function isVoter(sets: VoterSets, id: NodeId): boolean {
  return sets.incoming.includes(id) || sets.outgoing.includes(id);
}

/** Whether `id` alone decides everything. */
export function isLoneVoter(sets: VoterSets, id: NodeId): boolean {
  const voters = allVoters(sets);
  return voters.length === 1 && voters[0] === id;
}

/**
 * The greatest value that a majority of each half has reached; `-Infinity` without any voter,
 * so that nothing is ever decided by nobody.
 */
export function quorumValue(sets: VoterSets, reached: (id: NodeId) => number): number {
  if (sets.incoming.length === 0 && sets.outgoing.length === 0) return Number.NEGATIVE_INFINITY;
  const incoming = majorityValue(sets.incoming, reached);
  if (sets.outgoing.length === 0) return incoming;
  return Math.min(incoming, majorityValue(sets.outgoing, reached));
}

/** Lost as soon as one half is lost, won when both are. Nobody can win without any voter. */
export function quorumVote(
  sets: VoterSets,
  voteOf: (id: NodeId) => boolean | undefined,
): VoteResult {
  if (sets.incoming.length === 0 && sets.outgoing.length === 0) return "lost";
  const incoming = majorityVote(sets.incoming, voteOf);
  const outgoing = majorityVote(sets.outgoing, voteOf);
  if (incoming === "lost" || outgoing === "lost") return "lost";
  return incoming === "won" && outgoing === "won" ? "won" : "pending";
}
