import type { LogId, NodeId, RequestId } from "../ids.js";
import { invariant } from "../invariant.js";
import type { MembershipConfiguration } from "../membership/configuration.js";
import { followConfiguration } from "../membership/follow-configuration.js";
import type { InstallSnapshot, InstallSnapshotResponse } from "../message.js";
import type { RaftState } from "../state.js";
import { adoptTerm } from "../transitions.js";
import { followSender, isRival } from "./follow-sender.js";

/**
 * Takes chunks of a snapshot from the leader (paper §7), which counts as hearing it (rule R5). They
 * are gathered outside of the core; here it is decided whether they are still wanted. A snapshot
 * that holds nothing new is declined as installed, whatever is in the log behind it (scenario 44).
 */
export function onInstallSnapshot(node: RaftState, from: NodeId, request: InstallSnapshot): void {
  const { lastIncluded } = request.label;
  if (request.term < node.term) {
    node.post(from, response(node, lastIncluded, { nextChunk: 0 }));
    return;
  }
  if (request.leaderId !== from || isRival(node, from, request.term) || !isWellFormed(request)) {
    node.droppedMessages++;
    return;
  }
  followSender(node, from, request.term);
  if (lastIncluded.index <= node.commitIndex) answerInstalled(node, from, lastIncluded);
  else node.outbox.snapshot({ kind: "chunks", from, message: request });
}

/** A label of an entry that the leader can have, and contiguous chunks within the snapshot. */
function isWellFormed({ term, label, totalChunks, chunkBytes, chunks }: InstallSnapshot): boolean {
  const { lastIncluded } = label;
  if (lastIncluded.index < 1 || lastIncluded.term < 1 || lastIncluded.term > term) return false;
  if (totalChunks < 1 || chunkBytes < 1) return false;
  const first = chunks[0]?.sequence ?? 0;
  return (
    first >= 0 &&
    chunks.every(({ sequence }, at) => sequence === first + at) &&
    first + chunks.length <= totalChunks
  );
}

/** Tells the leader which chunk is wanted next. */
export function onSnapshotProgress(
  node: RaftState,
  to: NodeId,
  lastIncluded: LogId,
  nextChunk: number,
): void {
  if (node.leaderId !== to) return;
  if (lastIncluded.index <= node.commitIndex) answerInstalled(node, to, lastIncluded);
  else node.post(to, response(node, lastIncluded, { nextChunk }));
}

/**
 * Any answer of this term shows that the peer lives; it confirms no round (rule R4). Handed on
 * whatever the state of the peer: a transfer may outlive the need for it, and must end.
 */
export function onInstallSnapshotResponse(
  node: RaftState,
  from: NodeId,
  response: InstallSnapshotResponse,
): void {
  if (response.term > node.term) {
    adoptTerm(node, response.term, `${from} answered from term ${response.term}`);
    return;
  }
  if (node.role.kind !== "leader" || response.term < node.term) return;
  const progress = node.role.progress.get(from);
  if (progress === undefined) return;
  progress.heardMs = node.nowMs;
  node.outbox.snapshot({ kind: "answer", from, message: response });
}

/**
 * Replaces state and, where it does not fit, log by a snapshot that is durable here (paper §7,
 * Figure 13). What the log holds behind the label stays when its entry at the label is the same
 * one; anything else is of no use, and the log begins anew. Role, vote and leader stay as they are:
 * what is committed is so in every term.
 */
export function onSnapshotReceived(
  node: RaftState,
  requestId: RequestId,
  lastIncluded: LogId,
  configuration: MembershipConfiguration,
): void {
  const { leaderId } = node;
  if (lastIncluded.index <= node.commitIndex) {
    const message = `committed to ${node.commitIndex}, the snapshot ends at ${lastIncluded.index}`;
    node.refuse(requestId, "INVALID_REQUEST", message);
    if (leaderId !== undefined && leaderId !== node.id)
      answerInstalled(node, leaderId, lastIncluded);
    return;
  }
  if (node.role.kind === "leader") {
    // It holds every committed entry itself (I4), and commits what the snapshot covers by its noop.
    node.refuse(requestId, "INVALID_REQUEST", "a leader installs no snapshot");
    return;
  }
  invariant(
    lastIncluded.term <= node.term,
    () => `a snapshot of term ${lastIncluded.term} received in term ${node.term}`,
  );
  node.installSnapshot(lastIncluded, configuration);
  followConfiguration(node);
  node.outbox.reply({ kind: "installed", requestId, lastIncluded });
  if (leaderId !== undefined) answerInstalled(node, leaderId, lastIncluded);
}

/**
 * Everything up to the label is committed here, but may still be on its way to the disk: the
 * answer says durable, and waits for what it rests on (rule R6).
 */
function answerInstalled(node: RaftState, to: NodeId, lastIncluded: LogId): void {
  const message = response(node, lastIncluded, { nextChunk: 0, installed: true });
  if (lastIncluded.index <= node.durability.index) node.post(to, message);
  else node.postAfterPersist(to, message);
}

function response(
  { term }: RaftState,
  lastIncluded: LogId,
  { nextChunk, installed = false }: { readonly nextChunk: number; readonly installed?: boolean },
): InstallSnapshotResponse {
  return { kind: "installSnapshotResponse", term, lastIncluded, nextChunk, installed };
}
