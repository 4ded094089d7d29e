import type { LogIndex, NodeId } from "../ids.js";
import type { RaftState } from "../state.js";

/** What was in flight to this peer may be gone: find out again where the logs agree. */
export function onUnreachable(node: RaftState, peer: NodeId): void {
  if (node.role.kind !== "leader") return;
  const progress = node.role.progress.get(peer);
  if (progress?.state === "replicate") {
    progress.becomeProbe((progress.matchIndex + 1) as LogIndex);
  }
}
