import type { Entry } from "./entry.js";
import { entryBytes } from "./entry.js";
import type { LogId, LogIndex, NodeId } from "./ids.js";
import { invariant } from "./invariant.js";
import type { Progress } from "./progress/progress.js";
import { quorumValue } from "./quorum/voter-sets.js";
import type { LeaderRole } from "./role.js";
import type { RaftState } from "./state.js";

/** Begins a new round: one heartbeat to every peer, whose answers confirm this leadership. */
export function beginRound(node: RaftState, leader: LeaderRole): void {
  leader.rounds.begin(node.nowMs);
  leader.nextHeartbeatMs = node.nowMs + node.options.heartbeatIntervalMs;
  for (const [peer, progress] of leader.progress) sendHeartbeat(node, leader, peer, progress);
}

/**
 * An empty append, which no disk delays (rule R6). It stands right before the next entry to send,
 * so that a lost request, or a probe that found nothing, shows in its answer.
 */
function sendHeartbeat(
  node: RaftState,
  leader: LeaderRole,
  peer: NodeId,
  progress: Progress,
): void {
  const optimistic = (progress.nextIndex - 1) as LogIndex;
  const prev =
    (progress.state === "snapshot" ? undefined : position(node, optimistic)) ??
    position(node, progress.matchIndex) ??
    node.log.base;
  sendAppend(node, leader, peer, progress, prev, []);
}

function position(node: RaftState, index: LogIndex): LogId | undefined {
  const term = node.log.termAt(index);
  return typeof term === "number" ? { term, index } : undefined;
}

export function replicateToAll(node: RaftState, leader: LeaderRole): void {
  for (const [peer, progress] of leader.progress) replicateTo(node, leader, peer, progress);
}

/** Sends what the peer lacks, as far as its window allows (paper §5.3). */
export function replicateTo(
  node: RaftState,
  leader: LeaderRole,
  peer: NodeId,
  progress: Progress,
): void {
  while (progress.nextIndex <= node.log.lastIndex && progress.mayReplicate) {
    const prev = position(node, (progress.nextIndex - 1) as LogIndex);
    if (prev === undefined) {
      // The log no longer reaches down to there. Never a request that starts in the middle
      // without its previous entry (scenario 21): the peer needs a snapshot.
      sendSnapshot(node, peer, progress);
      return;
    }
    const { appendEntriesMax, appendBytesMax } = node.options;
    const end = Math.min(node.log.lastIndex + 1, progress.nextIndex + appendEntriesMax);
    const to = end as LogIndex;
    const entries = node.log.slice(progress.nextIndex, to, appendBytesMax);
    if (entries === undefined) {
      progress.readingLog = true;
      const cachedFrom = Math.min(to, node.log.cachedFrom) as LogIndex;
      node.outbox.readLog({
        peer,
        from: progress.nextIndex,
        to: cachedFrom,
        bytesMax: appendBytesMax,
      });
      return;
    }
    sendEntries(node, leader, peer, progress, prev, entries);
  }
}

function sendSnapshot(node: RaftState, peer: NodeId, progress: Progress): void {
  progress.becomeSnapshot();
  node.outbox.snapshot({ kind: "send", peer });
}

/** Begins a transfer anew that had failed, now that the peer is heard again. */
export function resendSnapshot(node: RaftState, peer: NodeId, progress: Progress): void {
  const { state, resendSnapshotMs } = progress;
  if (state !== "snapshot" || resendSnapshotMs === undefined) return;
  if (node.nowMs >= resendSnapshotMs) sendSnapshot(node, peer, progress);
}

/** Sends entries that follow `prev` and moves the window. */
export function sendEntries(
  node: RaftState,
  leader: LeaderRole,
  peer: NodeId,
  progress: Progress,
  prev: LogId,
  entries: readonly Entry[],
): void {
  const last = entries[entries.length - 1];
  invariant(last !== undefined, "an append without entries is a heartbeat");
  if (progress.state === "replicate") {
    let bytes = 0;
    for (const entry of entries) bytes += entryBytes(entry);
    progress.inflight.add(last.index, bytes);
    progress.nextIndex = (last.index + 1) as LogIndex;
  } else {
    progress.probeSent = true;
  }
  sendAppend(node, leader, peer, progress, prev, entries);
}

function sendAppend(
  node: RaftState,
  leader: LeaderRole,
  peer: NodeId,
  progress: Progress,
  prev: LogId,
  entries: readonly Entry[],
): void {
  // The peer commits at most what this very request lets it verify.
  const carried = Math.min(node.commitIndex, prev.index + entries.length) as LogIndex;
  if (carried > progress.sentCommit) progress.sentCommit = carried;
  node.post(peer, {
    kind: "appendEntries",
    term: node.term,
    leaderId: node.id,
    prev,
    entries,
    leaderCommit: node.commitIndex,
    round: leader.rounds.current,
  });
}

/** Tells peers that have everything, but not yet that it is committed. */
export function spreadCommit(node: RaftState, leader: LeaderRole): void {
  for (const [peer, progress] of leader.progress) spreadCommitTo(node, leader, peer, progress);
}

/** The same for one peer, as before an answer that makes it wait for the commit. */
export function spreadCommitTo(
  node: RaftState,
  leader: LeaderRole,
  peer: NodeId,
  progress: Progress,
): void {
  const known = Math.min(node.commitIndex, progress.matchIndex);
  if (progress.sentCommit >= known) return;
  sendHeartbeat(node, leader, peer, progress);
}

/**
 * Commits what a majority of each half holds durably, the own log included; an entry of an
 * earlier term only along with one of the current (paper §5.4.2, figure 8, scenario 1).
 */
export function commitByCount(node: RaftState, leader: LeaderRole): boolean {
  const index = quorumValue(node.voters, (id) => matchOf(node, leader, id)) as LogIndex;
  if (index <= node.commitIndex) return false;
  if (node.log.termAt(index) !== node.term) return false;
  for (const entry of node.advanceCommit(index)) leader.uncommittedBytes -= entryBytes(entry);
  return true;
}

function matchOf(node: RaftState, leader: LeaderRole, id: NodeId): number {
  if (id === node.id) return node.durability.index;
  return leader.progress.get(id)?.matchIndex ?? 0;
}
