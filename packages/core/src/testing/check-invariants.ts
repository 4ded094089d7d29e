import { compareLogIds, type NodeId } from "../ids.js";
import { invariant } from "../invariant.js";
import type { MembershipConfiguration } from "../membership/configuration.js";
import type { RaftStatus } from "../status.js";

/**
 * Checks what must hold for one node after every step, and what must hold between one step and
 * the next. `previous` is the status after the step before, of the same start of the node;
 * `undefined` after its first. What spans restarts and nodes is `ClusterChecker`'s matter.
 *
 * @throws InvariantViolation that names the invariant: I1, I2, I6, I9 of the fault catalogue
 */
export function checkInvariants(status: RaftStatus, previous: RaftStatus | undefined): void {
  checkPositions(status);
  checkRole(status);
  if (previous !== undefined) checkProgress(status, previous);
}

function checkPositions(status: RaftStatus): void {
  const { id, base, last, appliedIndex, commitIndex, durableIndex, term } = status;
  invariant(
    base.index <= appliedIndex && appliedIndex <= commitIndex && commitIndex <= last.index,
    () =>
      `I9: node ${id} has base ${base.index}, applied ${appliedIndex}, commit ${commitIndex}, ` +
      `last ${last.index}`,
  );
  invariant(
    base.index <= durableIndex && durableIndex <= last.index,
    () => `I9: node ${id} has base ${base.index}, durable ${durableIndex}, last ${last.index}`,
  );
  invariant(
    compareLogIds(base, last) <= 0 && last.term <= term,
    () => `I9: node ${id} in term ${term} has an entry of term ${last.term}`,
  );
}

function checkRole(status: RaftStatus): void {
  const { id, role, leaderId, votedFor, last } = status;
  invariant(
    (role === "leader") === (leaderId === id),
    () => `I1: node ${id} is a ${role} and takes ${leaderId} for the leader`,
  );
  if (role === "leader" || role === "candidate") {
    invariant(votedFor === id, () => `I1: node ${id} is a ${role} that voted for ${votedFor}`);
  }
  for (const peer of status.peers) {
    invariant(
      peer.matchIndex < peer.nextIndex && peer.nextIndex <= last.index + 1,
      () =>
        `I2: node ${id} has match ${peer.matchIndex} and next ${peer.nextIndex} for ${peer.id}, ` +
        `its own last is ${last.index}`,
    );
  }
}

function isMember({ members, outgoingVoters }: MembershipConfiguration, id: NodeId): boolean {
  return members.some((member) => member.id === id) || outgoingVoters?.includes(id) === true;
}

function checkProgress(status: RaftStatus, previous: RaftStatus): void {
  const { id, term } = status;
  for (const field of ["term", "commitIndex", "appliedIndex"] as const) {
    invariant(
      status[field] >= previous[field],
      () => `I6: ${field} of node ${id} goes back from ${previous[field]} to ${status[field]}`,
    );
  }
  if (term !== previous.term) return;
  invariant(
    previous.votedFor === undefined || status.votedFor === previous.votedFor,
    () => `I6: node ${id} votes for ${status.votedFor} after ${previous.votedFor} in term ${term}`,
  );
  invariant(
    previous.leaderId === undefined ||
      status.leaderId === undefined ||
      status.leaderId === previous.leaderId,
    () => `I1: node ${id} follows ${status.leaderId} after ${previous.leaderId} in term ${term}`,
  );
  if (status.role !== "leader" || previous.role !== "leader") return;
  invariant(
    status.last.index >= previous.last.index,
    () => `I2: leader ${id} shortens its log from ${previous.last.index} to ${status.last.index}`,
  );
  for (const peer of status.peers) {
    // One that was no member before begins anew, perhaps under the id of one just removed.
    if (!isMember(previous.configuration, peer.id)) continue;
    const before = previous.peers.find((other) => other.id === peer.id);
    invariant(
      before === undefined || peer.matchIndex >= before.matchIndex,
      () => `I2: match of ${peer.id} goes back from ${before?.matchIndex} to ${peer.matchIndex}`,
    );
  }
}
