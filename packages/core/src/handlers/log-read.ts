import type { Entry } from "../entry.js";
import type { LogId, LogIndex, NodeId } from "../ids.js";
import { replicateTo, sendEntries } from "../replication.js";
import type { RaftState } from "../state.js";

/**
 * Old entries have come back from the disk for a slow peer. When they could not be read, nothing
 * is sent; the peer's next answer to a heartbeat tries again (scenario 21).
 */
export function onLogRead(
  node: RaftState,
  peer: NodeId,
  from: LogIndex,
  entries: readonly Entry[] | undefined,
): void {
  const leader = node.role;
  if (leader.kind !== "leader") return;
  const progress = leader.progress.get(peer);
  if (progress === undefined || !progress.readingLog) return;
  progress.readingLog = false;
  if (entries === undefined || entries.length === 0) return;
  const moved = from !== progress.nextIndex || !progress.mayReplicate;
  const prev = previousOf(node, from);
  if (!moved && prev !== undefined && isStillOurs(node, from, entries)) {
    sendEntries(node, leader, peer, progress, prev, entries);
  }
  replicateTo(node, leader, peer, progress);
}

function previousOf(node: RaftState, from: LogIndex): LogId | undefined {
  const index = (from - 1) as LogIndex;
  const term = node.log.termAt(index);
  return typeof term === "number" ? { term, index } : undefined;
}

/** The read may have begun in an earlier leadership, before a truncation. */
function isStillOurs(node: RaftState, from: LogIndex, entries: readonly Entry[]): boolean {
  return entries.every((entry, at) => {
    return entry.index === from + at && node.log.termAt(entry.index) === entry.term;
  });
}
