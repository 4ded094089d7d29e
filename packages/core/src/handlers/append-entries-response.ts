import type { LogIndex, NodeId } from "../ids.js";
import type { AppendEntriesResponse, AppendResult } from "../message.js";
import type { Progress } from "../progress/progress.js";
import { commitByCount, replicateTo } from "../replication.js";
import type { LeaderRole } from "../role.js";
import type { RaftState } from "../state.js";
import { adoptTerm } from "../transitions.js";
import { confirmReads, unparkReads } from "./read.js";
import { offerLeadership } from "./transfer.js";

/** Takes in what one peer says of its log (Raft §5.3; Figure 2, rules for leaders). */
export function onAppendEntriesResponse(
  node: RaftState,
  from: NodeId,
  response: AppendEntriesResponse,
): void {
  if (response.term > node.term) {
    adoptTerm(node, response.term, `${from} answered from term ${response.term}`);
    return;
  }
  const leader = node.role;
  if (leader.kind !== "leader" || response.term < node.term) return;
  const progress = leader.progress.get(from);
  if (progress === undefined) return;

  noteRound(node, leader, progress, response);
  noteResult(node, progress, response.result);
  if (commitByCount(node, leader)) unparkReads(node, leader);
  confirmReads(node, leader);
  replicateTo(node, leader, from, progress);
  offerLeadership(node, leader);
}

/** Any answer of this term shows that the peer lives; only an echoed round confirms more (R4). */
function noteRound(
  node: RaftState,
  leader: LeaderRole,
  progress: Progress,
  response: AppendEntriesResponse,
): void {
  progress.heardMs = node.nowMs;
  const { round } = response;
  if (round === undefined || round <= progress.ackedRound) return;
  const sentMs = leader.rounds.sentMs(round);
  if (sentMs === undefined) return;
  progress.ackedRound = round;
  progress.ackedRoundSentMs = sentMs;
  progress.promisedTimeoutMs = response.minElectionTimeoutMs;
}

function noteResult(node: RaftState, progress: Progress, result: AppendResult): void {
  if (result.kind === "success") {
    const { term, index } = result.lastMatch;
    const own = node.log.termAt(index);
    if (own !== "compacted" && own !== term) {
      node.droppedMessages++; // it vouches for an entry that this log does not have
      return;
    }
    if (progress.state !== "snapshot") progress.acknowledge(index);
    else if (index >= node.log.base.index) {
      progress.acknowledge(index);
      progress.becomeProbe((index + 1) as LogIndex);
    }
  } else if (result.kind === "conflict" && progress.state !== "snapshot") {
    progress.becomeProbe(nextToTry(node, progress, result));
  }
}

/**
 * Where the logs may agree, from the hint of a refusal (§5.3, last paragraphs): behind our last
 * entry of the conflicting term when we have that term, otherwise at the peer's first entry of
 * it. Always lower than before, so that probing ends; never at or below what already matched.
 */
function nextToTry(
  node: RaftState,
  progress: Progress,
  conflict: AppendResult & { kind: "conflict" },
): LogIndex {
  let candidate: number = conflict.index;
  if (conflict.term !== undefined) {
    const ours = node.log.lastIndexUpToTerm(conflict.term);
    const shared = node.log.termAt(ours) === conflict.term;
    candidate = shared ? ours + 1 : Math.min(conflict.index, ours + 1);
  }
  return Math.max(1, Math.min(candidate, progress.nextIndex - 1)) as LogIndex;
}
