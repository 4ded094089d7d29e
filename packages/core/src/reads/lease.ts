import type { NodeId } from "../ids.js";
import { allVoters, quorumValue, type VoterSets } from "../quorum/voter-sets.js";

/** What one voter's newest answer lets a lease conclude. */
export interface LeaseGrant {
  /** When the answered round was sent, on this node's clock. */
  readonly sentMs: number;
  /** How long the voter has promised to vote for nobody else, from when it answered. */
  readonly promisedTimeoutMs: number;
}

/**
 * Until when a leader may answer lease reads. It counts from the time at which the newest round
 * that a majority of each half answered was *sent*, and lasts for the configured duration or the
 * shortest promise within that quorum less the drift bound, whichever is less (rule R3). The own
 * vote needs no promise: a leader that votes for another has stepped down.
 */
export function leaseUntilMs(
  sets: VoterSets,
  self: NodeId,
  grantOf: (id: NodeId) => LeaseGrant | undefined,
  limits: { readonly leaseDurationMs: number; readonly clockDriftMax: number },
): number {
  const sentMs = (id: NodeId): number => {
    if (id === self) return Number.POSITIVE_INFINITY;
    return grantOf(id)?.sentMs ?? Number.NEGATIVE_INFINITY;
  };
  const start = quorumValue(sets, sentMs);
  if (start === Number.POSITIVE_INFINITY) return start; // a lone voter asks nobody
  if (start === Number.NEGATIVE_INFINITY) return start;
  let duration = limits.leaseDurationMs;
  for (const voter of allVoters(sets)) {
    if (voter === self || sentMs(voter) < start) continue;
    const promised = (grantOf(voter)?.promisedTimeoutMs ?? 0) * (1 - limits.clockDriftMax);
    if (promised < duration) duration = promised;
  }
  return start + duration;
}
