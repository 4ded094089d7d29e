import type { RoleChange } from "./effects.js";
import { entryBytes, NOOP } from "./entry.js";
import type { LogIndex, NodeId, Term } from "./ids.js";
import { invariant } from "./invariant.js";
import { Progress } from "./progress/progress.js";
import { allVoters, quorumVote } from "./quorum/voter-sets.js";
import { ReadQueue } from "./reads/read-queue.js";
import { Rounds } from "./reads/rounds.js";
import { replicateToAll } from "./replication.js";
import type { LeaderRole, Role } from "./role.js";
import type { RaftState } from "./state.js";

/** Takes over a higher term: durable before anything that rests on it leaves (paper §5.1). */
export function adoptTerm(node: RaftState, term: Term, reason: string): void {
  invariant(term > node.term, () => `adopting term ${term} in term ${node.term}`);
  becomeFollower(node, term, undefined, reason);
}

/**
 * Follows `leaderId`, or nobody, in `term`. The election timer keeps running when only the term
 * changed: otherwise a node that keeps raising the term could hold everybody back for ever. A node
 * that was no follower campaigns at `electionDeadlineMs`, drawn unless given.
 */
export function becomeFollower(
  node: RaftState,
  term: Term,
  leaderId: NodeId | undefined,
  reason: string,
  electionDeadlineMs = node.drawElectionDeadline(),
): void {
  invariant(term >= node.term, () => `term going back from ${node.term} to ${term}`);
  const previous = node.role;
  if (term > node.term) {
    node.term = term;
    node.votedFor = undefined;
    node.saveTermAndVote();
  }
  const keepsTimer = previous.kind === "follower" || previous.kind === "learner";
  node.role = {
    kind: node.mayCampaign ? "follower" : "learner",
    leaderId,
    electionDeadlineMs: keepsTimer ? previous.electionDeadlineMs : electionDeadlineMs,
  };
  if (previous.kind === "leader") leaveLeadership(node, previous);
  refuseForwardedReads(node, leaderId);
  announce(node, reason);
}

/** Notes that the leader of this term was heard just now (rule R5). */
export function hearLeader(node: RaftState, leaderId: NodeId): void {
  const role = node.role;
  invariant(role.kind === "follower" || role.kind === "learner", "a leader heard by no follower");
  node.leaderHeardMs = node.nowMs;
  node.heardLeader = leaderId;
  role.electionDeadlineMs = node.drawElectionDeadline();
}

/** Asks first whether an election could be won, and disturbs nobody if not (thesis §9.6). */
export function becomePreCandidate(node: RaftState): void {
  invariant(node.role.kind !== "leader", "a leader does not campaign");
  invariant(node.mayCampaign, "only a voter campaigns");
  const campaignTerm = (node.term + 1) as Term;
  node.role = {
    kind: "preCandidate",
    campaignTerm,
    votes: new Map([[node.id, true]]),
    electionDeadlineMs: node.drawElectionDeadline(),
  };
  refuseForwardedReads(node, undefined);
  announce(node, "no leader heard within the election timeout");
  if (quorumVote(node.voters, (id) => (id === node.id ? true : undefined)) === "won") {
    becomeCandidate(node, false);
    return;
  }
  for (const peer of allVoters(node.voters)) {
    if (peer === node.id) continue;
    node.post(peer, { kind: "preVote", term: campaignTerm, lastLog: node.log.last });
  }
}

/**
 * Campaigns in the next term. The own vote counts when the disk has it, on the same path on
 * which other votes count; requests leave after it (paper §5.2, I11).
 */
export function becomeCandidate(node: RaftState, leadershipTransfer: boolean): void {
  invariant(node.role.kind !== "leader", "a leader does not campaign");
  invariant(node.mayCampaign, "only a voter campaigns");
  node.term = (node.term + 1) as Term;
  node.votedFor = node.id;
  node.saveTermAndVote();
  node.role = {
    kind: "candidate",
    votes: new Map(),
    electionDeadlineMs: node.drawElectionDeadline(),
  };
  refuseForwardedReads(node, undefined);
  announce(node, leadershipTransfer ? "asked to take over" : "a majority would vote for it");
  const { term } = node;
  for (const peer of allVoters(node.voters)) {
    if (peer === node.id) continue;
    const message = {
      kind: "requestVote",
      term,
      lastLog: node.log.last,
      leadershipTransfer,
    } as const;
    node.postAfterPersist(peer, message);
  }
}

/**
 * Campaigns from now on, or no longer, as the configuration in effect has it. A voter that became
 * a learner gives its campaign up (scenario 33); a learner that became a voter waits its time.
 */
export function adaptToMembership(node: RaftState): void {
  const { role, mayCampaign } = node;
  invariant(role.kind !== "leader", "a leader leads on until its removal is committed");
  if (role.kind === "preCandidate" || role.kind === "candidate") {
    if (!mayCampaign) becomeFollower(node, node.term, undefined, "is no voter any more");
    return;
  }
  const kind = mayCampaign ? "follower" : "learner";
  if (kind === role.kind) return;
  const electionDeadlineMs = node.drawElectionDeadline();
  node.role = { kind, leaderId: role.leaderId, electionDeadlineMs };
  announce(node, mayCampaign ? "became a voter" : "is no voter any more");
}

/** Leads: appends its noop and sends it to everybody (paper §5.2, §8). */
export function becomeLeader(node: RaftState): void {
  invariant(node.role.kind === "candidate", () => `${node.role.kind} becoming leader`);
  invariant(node.votedFor === node.id, "leading a term in which it voted for another");
  const noopIndex = (node.log.lastIndex + 1) as LogIndex;
  const progress = new Map<NodeId, Progress>();
  for (const peer of peersOf(node)) {
    progress.set(peer, new Progress(noopIndex, node.nowMs, node.options));
  }
  const role: LeaderRole = {
    kind: "leader",
    progress,
    departing: new Map(),
    rounds: new Rounds(),
    reads: new ReadQueue(),
    noopIndex,
    nextHeartbeatMs: node.nowMs + node.options.heartbeatIntervalMs,
    uncommittedBytes: uncommittedBytesOf(node),
    transfer: undefined,
    leaseForbidden: false,
    leaseVoidRound: 0,
  };
  node.role = role;
  announce(node, "elected by a majority");
  const noop = { index: noopIndex, term: node.term, payload: NOOP };
  node.append([noop]);
  role.uncommittedBytes += entryBytes(noop);
  role.rounds.begin(node.nowMs); // the requests with the noop are the first round
  replicateToAll(node, role);
}

/** Every other member that this node follows: voters of both halves, and learners. */
export function peersOf(node: RaftState): readonly NodeId[] {
  const ids = new Set([...node.followed.members.map((m) => m.id), ...allVoters(node.voters)]);
  ids.delete(node.id);
  return [...ids].sort((a, b) => a - b);
}

/** Of everything that will be handed out later: committing takes exactly that off again. */
function uncommittedBytesOf(node: RaftState): number {
  const from = (node.handedToApply + 1) as LogIndex;
  const to = (node.log.lastIndex + 1) as LogIndex;
  const entries = node.log.slice(from, to, Number.POSITIVE_INFINITY);
  invariant(entries !== undefined, "uncommitted entries left memory");
  return entries.reduce((sum, entry) => sum + entryBytes(entry), 0);
}

/** Answers everything that only a leader could finish, and forgets having been one (R5). */
function leaveLeadership(node: RaftState, left: LeaderRole): void {
  node.leaderHeardMs = Number.NEGATIVE_INFINITY;
  node.heardLeader = undefined;
  for (const origin of left.reads.takeAll()) {
    if (origin.kind === "local") {
      node.refuse(
        origin.requestId,
        "LEADER_CHANGED",
        "leadership ended before the read was served",
      );
    } else {
      const answer = { term: node.term, id: origin.id, index: undefined };
      node.post(origin.from, { kind: "readIndexResponse", ...answer });
    }
  }
  const { transfer } = left;
  if (transfer?.requestId === undefined) return;
  if (transfer.sent) node.transferAwaited = transfer;
  else node.refuse(transfer.requestId, "LEADER_CHANGED", "leadership ended before the transfer");
}

/** A read asked of one leader is not answered by another. */
function refuseForwardedReads(node: RaftState, leaderId: NodeId | undefined): void {
  for (const read of node.forwardedReads.takeOthers(leaderId)) {
    node.refuse(read.requestId, "LEADER_CHANGED", "the leader changed while it was asked");
  }
}

function announce(node: RaftState, reason: string): void {
  const role: Role = node.role;
  const change: RoleChange = {
    role: role.kind,
    term: node.term,
    leaderId: node.leaderId,
    reason,
  };
  node.outbox.roleChange = change;
}
