import type { RaftStatus } from "@d-engine/core";
import type { DriverMetrics } from "@d-engine/server/driver";

/** What a node holds after a stretch of time in which nobody called. */
export interface IdleNode {
  readonly id: number;
  readonly status: RaftStatus;
  readonly metrics: DriverMetrics;
  /** Files in its data directory. */
  readonly files: number;
  readonly segmentBytes: number;
  readonly logCacheBytes: number;
  readonly inflightMessagesMax: number;
  readonly snapshotsKept: number;
  /** Nodes that are broken for good: what they lack waits for them. */
  readonly broken: number;
}

/**
 * L6: nothing is left over. Nobody waits, nothing is queued; of the log no more is in memory than
 * may be; there are no files but the segments in use, one that is held ready, one in the making,
 * the spares, the identity with its lock, and the snapshots that are kept.
 */
export function leftoversOf(node: IdleNode): string | undefined {
  const { status, metrics } = node;
  const inflight = Math.max(0, ...status.peers.map((peer) => peer.inflightMessages));
  const counts: readonly (readonly [string, number, number])[] = [
    ["proposals wait", metrics.pendingProposals, 0],
    ["bytes of proposals wait", metrics.pendingProposalBytes, 0],
    ["reads wait", metrics.pendingReads, 0],
    ["reads wait for the leader", status.pendingReads, 0],
    ["messages wait for the disk", metrics.heldMessages, 0],
    ["bytes are not committed", status.uncommittedBytes, 0],
    ["messages to one peer are under way", inflight, node.inflightMessagesMax],
    ["bytes of the log are in memory", status.cachedBytes, node.logCacheBytes],
    ["files", node.files, filesMax(node)],
    ["snapshots are on their way to peers", metrics.snapshotsSending, node.broken],
    ["snapshots are being received", metrics.snapshotsReceiving, 0],
  ];
  const over = counts.find(([, count, max]) => count > max);
  if (over === undefined) return undefined;
  const [what, count, max] = over;
  return `node ${node.id} is idle, yet ${count} ${what}, at most ${max} may be`;
}

/** Each snapshot has a checksum beside it; one more may have been begun and given up. */
function filesMax({ metrics, segmentBytes, snapshotsKept }: IdleNode): number {
  return Math.ceil(metrics.logBytes / segmentBytes) + filesBesides + 2 * (snapshotsKept + 1);
}

/** A segment in the making, four spares, the identity, the lock. */
const filesBesides = 7;

/**
 * L6: timers do not pile up. Besides a message or two to and from each other node, a node has its
 * tick, the seal of its log, and what its disk is doing.
 */
export function timersPiledUp(pending: number, nodes: number): string | undefined {
  const max = nodes * (timersOfANode + 2 * nodes);
  if (pending <= max) return undefined;
  return `${pending} events are planned while nothing happens on ${nodes} nodes; at most ${max} may be`;
}

const timersOfANode = 6;
