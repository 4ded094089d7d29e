import type { LogId, LogIndex, NodeId } from "../ids.js";
import { replicateTo } from "../replication.js";
import type { RaftState } from "../state.js";

/**
 * A transfer to a peer has ended. Its log is probed from behind the snapshot on; when our base has
 * moved past that meanwhile, the peer's answer asks for the next one (scenario 45). When it came to
 * nothing, an answer of the peer begins another one after an election timeout, no sooner: what
 * fails at once would otherwise be tried as fast as messages travel.
 */
export function onSnapshotSent(
  node: RaftState,
  peer: NodeId,
  lastIncluded: LogId | undefined,
): void {
  const leader = node.role;
  if (leader.kind !== "leader") return;
  const progress = leader.progress.get(peer);
  if (progress?.state !== "snapshot") return;
  if (lastIncluded === undefined) {
    progress.resendSnapshotMs = node.nowMs + node.options.electionTimeoutMs;
    return;
  }
  const behind = Math.max(lastIncluded.index, node.log.base.index);
  progress.becomeProbe((Math.min(behind, node.log.lastIndex) + 1) as LogIndex);
  replicateTo(node, leader, peer, progress);
}
