import type { NodeId } from "../ids.js";

/** Whether a vote is in, and how it went. */
export type VoteResult = "won" | "lost" | "pending";

/** The number of members that form a majority of `count`. */
export function majorityOf(count: number): number {
  return (count >>> 1) + 1;
}

/**
 * The greatest value that a majority of `voters` has reached. An empty set binds nothing and
 * gives `Infinity`, which makes it neutral as one half of a joint configuration.
 */
export function majorityValue(voters: readonly NodeId[], reached: (id: NodeId) => number): number {
  if (voters.length === 0) return Number.POSITIVE_INFINITY;
  if (voters.length === 1) return reached(voters[0]!);
  const values = voters.map(reached).sort((a, b) => b - a);
  return values[majorityOf(voters.length) - 1]!;
}

/** Counts yes and no among `voters`; votes of anybody else do not count. */
export function majorityVote(
  voters: readonly NodeId[],
  voteOf: (id: NodeId) => boolean | undefined,
): VoteResult {
  if (voters.length === 0) return "won";
  let granted = 0;
  let missing = 0;
  for (const voter of voters) {
    const vote = voteOf(voter);
    if (vote === true) granted++;
    else if (vote === undefined) missing++;
  }
  const needed = majorityOf(voters.length);
  if (granted >= needed) return "won";
  return granted + missing >= needed ? "pending" : "lost";
}
