import type { RoleKind } from "./effects.js";
import type { LogId, LogIndex, NodeId, Term } from "./ids.js";
import type { MembershipConfiguration } from "./membership/configuration.js";
import type { Progress, ReplicationState } from "./progress/progress.js";
import type { RaftState } from "./state.js";

/** A copy of what a node knows, for people, metrics and checks; nothing in it is live. */
export interface RaftStatus {
  readonly id: NodeId;
  readonly role: RoleKind;
  readonly term: Term;
  readonly votedFor: NodeId | undefined;
  readonly leaderId: NodeId | undefined;
  /** It leads, and its noop is committed and applied: reads and writes can be served. */
  readonly leaderReady: boolean;
  readonly base: LogId;
  readonly last: LogId;
  readonly commitIndex: LogIndex;
  readonly appliedIndex: LogIndex;
  readonly durableIndex: LogIndex;
  /** The one in effect: the newest in the log, committed or not. */
  readonly configuration: MembershipConfiguration;
  /** The newest that this node knows to be committed. */
  readonly committedConfiguration: MembershipConfiguration;
  /** A change is not committed yet, or a joint one not left: no other is taken. */
  readonly changeOutstanding: boolean;
  readonly peers: readonly PeerStatus[];
  readonly pendingReads: number;
  readonly uncommittedBytes: number;
  readonly cachedBytes: number;
  readonly droppedMessages: number;
}

/** How far one peer is, as its leader sees it. */
export interface PeerStatus {
  readonly id: NodeId;
  readonly state: ReplicationState;
  readonly matchIndex: LogIndex;
  readonly nextIndex: LogIndex;
  readonly inflightMessages: number;
  readonly inflightBytes: number;
  /** Milliseconds since its last answer. */
  readonly silentMs: number;
}

export function statusOf(node: RaftState): RaftStatus {
  const leader = node.role.kind === "leader" ? node.role : undefined;
  return {
    id: node.id,
    role: node.role.kind,
    term: node.term,
    votedFor: node.votedFor,
    leaderId: node.leaderId,
    leaderReady: leader !== undefined && node.appliedIndex >= leader.noopIndex,
    base: node.log.base,
    last: node.log.last,
    commitIndex: node.commitIndex,
    appliedIndex: node.appliedIndex,
    durableIndex: node.durability.index,
    configuration: node.configuration,
    committedConfiguration: node.committedConfiguration,
    changeOutstanding: node.changeOutstanding,
    peers: leader === undefined ? [] : peerStatuses(node, leader.progress),
    pendingReads: (leader?.reads.size ?? 0) + node.forwardedReads.size,
    uncommittedBytes: leader?.uncommittedBytes ?? 0,
    cachedBytes: node.log.cachedBytes,
    droppedMessages: node.droppedMessages,
  };
}

function peerStatuses(node: RaftState, progress: ReadonlyMap<NodeId, Progress>): PeerStatus[] {
  return [...progress].map(([id, peer]) => ({
    id,
    state: peer.state,
    matchIndex: peer.matchIndex,
    nextIndex: peer.nextIndex,
    inflightMessages: peer.inflight.count,
    inflightBytes: peer.inflight.bytes,
    silentMs: node.nowMs - peer.heardMs,
  }));
}
