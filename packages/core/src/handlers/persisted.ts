import type { BatchId } from "../ids.js";
import { tendMembership } from "../membership/lead-membership.js";
import { commitByCount } from "../replication.js";
import type { RaftState } from "../state.js";
import { confirmReads, unparkReads } from "./read.js";
import { countVote } from "./vote-responses.js";

/** A batch and all before it are on the disk: the own vote and the own log count from now on. */
export function onPersisted(node: RaftState, batch: BatchId): void {
  node.durability.persisted(batch);
  node.evictApplied();
  while (node.promisesPending.length > 0 && node.promisesPending[0]!.batch <= batch) {
    node.persistedTimeoutMs = node.promisesPending.shift()!.minElectionTimeoutMs;
  }
  const { role } = node;
  if (role.kind === "candidate") {
    if (node.termDurable && !role.votes.has(node.id)) countVote(node, node.id, true);
  } else if (role.kind === "leader" && commitByCount(node, role)) {
    unparkReads(node, role);
    confirmReads(node, role);
    tendMembership(node, role);
  }
}
