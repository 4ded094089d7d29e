import type { NodeId, RequestId } from "../ids.js";
import type { ReadIndex, ReadIndexResponse } from "../message.js";
import { quorumValue } from "../quorum/voter-sets.js";
import type { ReadOrigin } from "../reads/read-queue.js";
import { beginRound, spreadCommitTo } from "../replication.js";
import type { LeaderRole } from "../role.js";
import type { RaftState } from "../state.js";

/** Finds the index that a linearizable read must wait for (thesis §6.4). */
export function onRead(node: RaftState, requestId: RequestId): void {
  const { role, leaderId } = node;
  const waiting = role.kind === "leader" ? role.reads.size : node.forwardedReads.size;
  const max = node.options.pendingReadsMax;
  if (waiting >= max) {
    node.refuse(requestId, "RATE_LIMITED", `${max} reads wait already (pendingReadsMax)`);
    return;
  }
  if (role.kind === "leader") {
    takeIn(node, role, { kind: "local", requestId });
    return;
  }
  if (leaderId === undefined) {
    node.refuse(requestId, "CLUSTER_UNAVAILABLE", "no leader is known; retry after an election");
    return;
  }
  const id = node.forwardedReads.add({ requestId, leaderId, sentMs: node.nowMs });
  node.post(leaderId, { kind: "readIndex", term: node.term, id });
}

/** The same for another member, which will serve the read itself. */
export function onReadIndex(node: RaftState, from: NodeId, request: ReadIndex): void {
  const { role } = node;
  const serves = role.kind === "leader" && request.term <= node.term;
  if (!serves || role.reads.size >= node.options.pendingReadsMax) {
    const { term } = node;
    node.post(from, { kind: "readIndexResponse", term, id: request.id, index: undefined });
    return;
  }
  takeIn(node, role, { kind: "peer", from, id: request.id });
}

export function onReadIndexResponse(
  node: RaftState,
  from: NodeId,
  response: ReadIndexResponse,
): void {
  const read = node.forwardedReads.take(response.id, from);
  if (read === undefined) return; // given up, or the answer to another start of this node
  if (response.index === undefined) {
    node.refuse(read.requestId, "LEADER_CHANGED", `${from} does not lead, or is overloaded`);
    return;
  }
  node.outbox.reply({ kind: "readIndex", requestId: read.requestId, index: response.index });
}

function takeIn(node: RaftState, leader: LeaderRole, origin: ReadOrigin): void {
  if (node.commitIndex < leader.noopIndex) {
    leader.reads.park(origin); // what is committed is not known yet (scenario 37)
    return;
  }
  enqueue(node, leader, [origin]);
  confirmReads(node, leader);
}

/**
 * Ties reads to a round that begins after they arrived, never to one under way: its answers may
 * have been given before the read began. Reads that meet a round under way share the next.
 */
function enqueue(node: RaftState, leader: LeaderRole, origins: readonly ReadOrigin[]): void {
  const { rounds, reads } = leader;
  const roundUnderWay = reads.newestRound !== 0;
  const round = rounds.current + 1;
  for (const origin of origins) reads.add({ origin, index: node.commitIndex, round });
  if (!roundUnderWay) beginRound(node, leader);
}

/** The noop has committed: what came too early gets its index now. */
export function unparkReads(node: RaftState, leader: LeaderRole): void {
  if (node.commitIndex < leader.noopIndex) return;
  const parked = leader.reads.takeParked();
  if (parked.length > 0) enqueue(node, leader, parked);
}

/** Answers the reads whose round a majority of each half has answered, then begins the next. */
export function confirmReads(node: RaftState, leader: LeaderRole): void {
  const confirmed = quorumValue(node.voters, (id) =>
    id === node.id ? Number.POSITIVE_INFINITY : (leader.progress.get(id)?.ackedRound ?? 0),
  );
  const round = Math.min(confirmed, leader.rounds.current);
  const served = leader.reads.takeConfirmed(round);
  for (const read of served) answer(node, leader, read.origin, read.index);
  if (served.length > 0 && leader.reads.newestRound > leader.rounds.current) {
    beginRound(node, leader);
    confirmReads(node, leader);
  }
}

function answer(node: RaftState, leader: LeaderRole, origin: ReadOrigin, index: number): void {
  const at = index as typeof node.commitIndex;
  if (origin.kind === "local") {
    node.outbox.reply({ kind: "readIndex", requestId: origin.requestId, index: at });
    return;
  }
  // The asker will wait for this index: let it hear of the commit now, not at a heartbeat.
  const progress = leader.progress.get(origin.from);
  if (progress !== undefined) spreadCommitTo(node, leader, origin.from, progress);
  const { term } = node;
  node.post(origin.from, { kind: "readIndexResponse", term, id: origin.id, index: at });
}
