import type { Entry } from "../entry.js";
import type { LogId, LogIndex, NodeId, Term } from "../ids.js";
import { invariant } from "../invariant.js";
import { followConfiguration } from "../membership/follow-configuration.js";
import type { AppendEntries, AppendResult } from "../message.js";
import type { RaftState } from "../state.js";
import { followSender, isRival } from "./follow-sender.js";

/**
 * Answers one AppendEntries (Raft §5.3; Figure 2, receiver rules 1-5). Entries already present
 * are skipped, a conflicting suffix is replaced, the rest is appended. A refusal carries a hint,
 * so that the leader probes once per term instead of once per entry.
 * Invariant: entries up to the commit index never change (§5.4); a conflict there stops the node.
 */
export function onAppendEntries(node: RaftState, from: NodeId, request: AppendEntries): void {
  if (request.term < node.term) {
    answer(node, from, request, { kind: "higherTerm" });
    return;
  }
  if (request.leaderId !== from || isRival(node, from, request.term) || !isWellFormed(request)) {
    node.droppedMessages++;
    return;
  }
  followSender(node, from, request.term);

  const conflict = checkPrevious(node, request.prev);
  if (conflict !== undefined) {
    answer(node, from, request, conflict);
    return;
  }
  const fresh = entriesToAppend(node, request);
  if (fresh.length > 0) replaceSuffix(node, fresh);
  const verified = (request.prev.index + request.entries.length) as LogIndex;
  node.advanceCommit(Math.min(request.leaderCommit, verified) as LogIndex);
  followConfiguration(node);

  if (fresh.length > 0) {
    const lastMatch = { term: request.entries[request.entries.length - 1]!.term, index: verified };
    answerAfterPersist(node, from, request, { kind: "success", lastMatch });
    return;
  }
  // Nothing new rests on the disk: answered at once with what is there already, so that a slow
  // sync does not make a healthy leader look unheard (rule R6).
  const index = Math.min(verified, node.durability.index) as LogIndex;
  const lastMatch = { term: termWithin(node, request, index), index };
  answer(node, from, request, { kind: "success", lastMatch });
}

/**
 * Contiguous behind `prev`, terms never falling and never beyond the request's. Term 0 belongs to
 * the position before the log alone.
 */
function isWellFormed(request: AppendEntries): boolean {
  let { term, index } = request.prev;
  if (request.term === 0 || (term === 0) !== (index === 0)) return false;
  for (const entry of request.entries) {
    if (entry.index !== index + 1 || entry.term < term || entry.term === 0) return false;
    ({ term, index } = entry);
  }
  return term <= request.term;
}

/** The consistency check; a hint where to look when the logs differ at `prev`. */
function checkPrevious(node: RaftState, prev: LogId): AppendResult | undefined {
  const { log } = node;
  const term = log.termAt(prev.index);
  if (term === prev.term) return undefined;
  if (term === "absent") {
    return { kind: "conflict", term: undefined, index: (log.lastIndex + 1) as LogIndex };
  }
  // Below the base everything is committed, and a leader holds all that is committed (§5.4.3).
  if (term === "compacted") return undefined;
  invariant(
    prev.index > node.commitIndex,
    () => `the leader has term ${prev.term} at committed index ${prev.index}, here it is ${term}`,
  );
  const first = Math.max(log.firstIndexOfTermAt(prev.index), node.commitIndex + 1) as LogIndex;
  return { kind: "conflict", term, index: first };
}

/**
 * The entries from the first one on that the log does not hold. Only a conflict truncates: an
 * older, shorter request that arrives late takes nothing away (scenario 16).
 */
function entriesToAppend(node: RaftState, request: AppendEntries): readonly Entry[] {
  const { log } = node;
  const { entries } = request;
  for (let at = 0; at < entries.length; at++) {
    const entry = entries[at]!;
    const term = log.termAt(entry.index);
    if (term === entry.term || term === "compacted") continue;
    return at === 0 ? entries : entries.slice(at);
  }
  return [];
}

function replaceSuffix(node: RaftState, fresh: readonly Entry[]): void {
  const first = fresh[0]!.index;
  if (first <= node.log.lastIndex) node.truncateFrom(first);
  node.append(fresh);
}

/** The term at `index`, which the request itself has vouched for or the log still knows. */
function termWithin(node: RaftState, request: AppendEntries, index: LogIndex): Term {
  if (index === request.prev.index) return request.prev.term;
  if (index > request.prev.index) return request.entries[index - request.prev.index - 1]!.term;
  const known = node.log.termAt(index);
  return typeof known === "number" ? known : node.log.base.term;
}

function answer(node: RaftState, to: NodeId, request: AppendEntries, result: AppendResult): void {
  node.post(to, response(node, request, result));
}

function answerAfterPersist(
  node: RaftState,
  to: NodeId,
  request: AppendEntries,
  result: AppendResult,
): void {
  node.postAfterPersist(to, response(node, request, result));
}

function response(node: RaftState, request: AppendEntries, result: AppendResult) {
  return {
    kind: "appendEntriesResponse",
    term: node.term,
    round: request.round,
    minElectionTimeoutMs: node.advertisedTimeoutMs,
    result,
  } as const;
}
