import type { LogId, NodeId, RequestId } from "../ids.js";
import type { MembershipConfiguration } from "../membership/configuration.js";
import { followConfiguration } from "../membership/follow-configuration.js";
import type { InstallSnapshot, InstallSnapshotResponse } from "../message.js";
import type { RaftState } from "../state.js";
import { adoptTerm } from "../transitions.js";
import { followSender, isRival } from "./follow-sender.js";

/**
 * Takes chunks of a snapshot from the leader (paper §7). They are gathered outside of the core;
 * here it is decided whether they are still wanted. A snapshot that holds nothing new is declined
 * as installed, whatever is in the log behind it (scenario 44).
 */
export function onInstallSnapshot(node: RaftState, from: NodeId, request: InstallSnapshot): void {
  const { lastIncluded } = request.label;
  if (request.term < node.term) {
    answer(node, from, lastIncluded, 0, false);
    return;
  }
  if (request.leaderId !== from || isRival(node, from, request.term)) {
    node.droppedMessages++;
    return;
  }
  followSender(node, from, request.term);
  if (lastIncluded.index <= node.commitIndex) answer(node, from, lastIncluded, 0, true);
  else node.outbox.snapshot({ kind: "chunks", from, message: request });
}

/** Tells the leader which chunk is wanted next. */
export function onSnapshotProgress(
  node: RaftState,
  to: NodeId,
  lastIncluded: LogId,
  nextChunk: number,
): void {
  if (node.leaderId !== to) return;
  answer(node, to, lastIncluded, nextChunk, lastIncluded.index <= node.commitIndex);
}

/** Any answer of this term shows that the peer lives; it confirms no round (rule R4). */
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
  if (progress.state === "snapshot") {
    node.outbox.snapshot({ kind: "answer", from, message: response });
  }
}

/**
 * Replaces state and, where it does not fit, log by a snapshot that is durable here (paper §7,
 * Figure 13). What the log holds behind the label stays when its entry at the label is the same
 * one; anything else is of no use, and the log begins anew.
 */
export function onSnapshotReceived(
  node: RaftState,
  requestId: RequestId,
  lastIncluded: LogId,
  configuration: MembershipConfiguration,
): void {
  if (lastIncluded.index <= node.commitIndex) {
    const message = `committed to ${node.commitIndex}, the snapshot ends at ${lastIncluded.index}`;
    node.refuse(requestId, "INVALID_REQUEST", message);
    return;
  }
  if (node.role.kind === "leader") {
    // It holds every committed entry itself (I4), and commits what the snapshot covers by its noop.
    node.refuse(requestId, "INVALID_REQUEST", "a leader installs no snapshot");
    return;
  }
  node.installSnapshot(lastIncluded, configuration);
  followConfiguration(node);
  node.outbox.reply({ kind: "installed", requestId, lastIncluded });
  const { leaderId } = node;
  if (leaderId === undefined) return;
  const message = installed(node, lastIncluded, 0, true);
  node.postAfterPersist(leaderId, message);
}

function answer(
  node: RaftState,
  to: NodeId,
  lastIncluded: LogId,
  nextChunk: number,
  isInstalled: boolean,
): void {
  node.post(to, installed(node, lastIncluded, nextChunk, isInstalled));
}

function installed(
  node: RaftState,
  lastIncluded: LogId,
  nextChunk: number,
  isInstalled: boolean,
): InstallSnapshotResponse {
  const { term } = node;
  const kind = "installSnapshotResponse";
  return { kind, term, lastIncluded, nextChunk, installed: isInstalled };
}
