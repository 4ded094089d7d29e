import type { LogIndex, NodeId } from "../ids.js";
import { tendMembership } from "../membership/lead-membership.js";
import type { AppendEntriesResponse, AppendResult } from "../message.js";
import type { Progress } from "../progress/progress.js";
import { commitByCount, replicateTo, resendSnapshot } from "../replication.js";
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
  // A refusal for an old term answers a request of an earlier leadership, whose rounds were
  // counted anew since: it must not pass for the answer to a round of this one (rule R4).
  if (response.result.kind === "higherTerm") return;
  if (response.round !== undefined && response.round < progress.firstRound) return;

  noteRound(node, leader, progress, response);
  noteResult(node, leader, progress, response);
  const committed = commitByCount(node, leader);
  if (committed) unparkReads(node, leader);
  confirmReads(node, leader);
  replicateTo(node, leader, from, progress);
  resendSnapshot(node, from, progress);
  offerLeadership(node, leader);
  if (committed || leader.departing.size > 0) tendMembership(node, leader);
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

function noteResult(
  node: RaftState,
  leader: LeaderRole,
  progress: Progress,
  { result, round }: AppendEntriesResponse,
): void {
  if (result.kind === "success") {
    const { term, index } = result.lastMatch;
    const own = node.log.termAt(index);
    if (own !== "compacted" && own !== term) {
      node.droppedMessages++; // it vouches for an entry that this log does not have
      return;
    }
    progress.acknowledge(index, round);
    // It reaches our log, by the snapshot or without it.
    if (progress.state === "snapshot" && index >= node.log.base.index) {
      progress.becomeProbe((index + 1) as LogIndex);
    }
  } else if (result.kind === "conflict" && progress.state !== "snapshot") {
    if (progress.nextIndex <= node.log.base.index) {
      // What was to be sent next is purged since. Heartbeats stand at our base instead, which the
      // peer lacks: no hint moves the place of the next request, and that is a snapshot.
      progress.becomeProbe(progress.nextIndex);
      return;
    }
    const next = nextToTry(node, result);
    // A refusal of the newest request always points below it, and above what matches already.
    // Any other is old or repeated (scenario 17), or comes from a peer that lost its log; to
    // follow it would begin a second chain of probes, or one without end.
    if (next > progress.matchIndex && next < progress.nextIndex) {
      progress.refuse(next, leader.rounds.current);
    }
  }
}

/**
 * Where the logs may agree, from the hint of a refusal (§5.3, last paragraphs): behind our last
 * entry of the conflicting term when we have that term; otherwise at the peer's first entry of
 * it, or behind our last entry of an earlier term, whichever comes first.
 */
function nextToTry(node: RaftState, conflict: AppendResult & { kind: "conflict" }): LogIndex {
  if (conflict.term === undefined) return conflict.index;
  const behindOurs = (node.log.lastIndexUpToTerm(conflict.term) + 1) as LogIndex;
  const shared = node.log.termAt((behindOurs - 1) as LogIndex) === conflict.term;
  return shared || behindOurs < conflict.index ? behindOurs : conflict.index;
}
