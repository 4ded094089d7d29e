import { Progress } from "../progress/progress.js";
import { voterSetsOf } from "../quorum/voter-sets.js";
import { beginRound } from "../replication.js";
import type { LeaderRole } from "../role.js";
import type { RaftState } from "../state.js";
import { adaptToMembership, peersOf } from "../transitions.js";

/**
 * Makes voters, role and progress follow the configuration in effect, which is the newest in the
 * log, committed or not (paper §6). To be called after whatever may have changed it, or committed
 * it: an append, a truncation, an installed snapshot.
 */
export function followConfiguration(node: RaftState): void {
  const { configuration } = node;
  if (configuration !== node.followed) {
    const peersBefore = new Set(peersOf(node));
    node.followed = configuration;
    node.voters = voterSetsOf(configuration);
    node.outbox.configuration = configuration;
    if (node.role.kind === "leader") followPeers(node, node.role, peersBefore);
  }
  if (node.role.kind !== "leader") adaptToMembership(node);
}

/**
 * A removed peer is replicated to until it knows of its removal (rule R12). One that joins is
 * known from nothing, also under the id of one just removed: its log may be another, or empty.
 * A round of its own tells its answers from those to messages that were sent before.
 */
function followPeers(node: RaftState, leader: LeaderRole, before: ReadonlySet<number>): void {
  const { index } = node.configuration.logId;
  const peers = new Set(peersOf(node));
  for (const peer of leader.progress.keys()) {
    if (before.has(peer) && !peers.has(peer)) leader.departing.set(peer, { index });
  }
  const joining = [...peers].filter((peer) => !before.has(peer));
  for (const peer of joining) {
    const next = node.log.nextIndex;
    const firstRound = leader.rounds.current + 1;
    leader.departing.delete(peer);
    leader.progress.set(peer, new Progress(next, node.nowMs, node.options, firstRound));
  }
  if (joining.length > 0) beginRound(node, leader);
}
