import type { LogId, LogIndex, NodeId } from "../ids.js";
import { replicateTo } from "../replication.js";
import type { RaftState } from "../state.js";

/**
 * A transfer to a peer has ended. Its log is probed from behind the snapshot on, or from our base
 * when it came to nothing: if the peer still lacks what is purged, its answer begins another one.
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
  const behind = Math.max(lastIncluded?.index ?? 0, node.log.base.index);
  progress.becomeProbe((Math.min(behind, node.log.lastIndex) + 1) as LogIndex);
  replicateTo(node, leader, peer, progress);
}
