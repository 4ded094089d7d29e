import type { Mutation } from "./mutation.js";

const handlers = "packages/core/src/handlers";

/** Votes: who may lead a term. */
const elections: readonly Mutation[] = [
  {
    name: "vote-without-log-check",
    breaks: "I4, paper §5.4.1",
    file: `${handlers}/request-vote.ts`,
    find: "if (compareLogIds(request.lastLog, node.log.last) < 0) {",
    replace: "if (request.lastLog.index < 0) {",
    tests: [`${handlers}/request-vote.test.ts`],
  },
  {
    name: "two-votes-a-term",
    breaks: "I1, scenario 3",
    file: `${handlers}/request-vote.ts`,
    find: "if (node.votedFor !== undefined) {",
    replace: "if (node.votedFor === node.id) {",
    tests: [`${handlers}/request-vote.test.ts`],
  },
  {
    name: "vote-sent-before-persisted",
    breaks: "I11, scenario 3",
    file: `${handlers}/request-vote.ts`,
    find: 'node.post(to, { kind: "requestVoteResponse", term, granted, lastLog: node.log.last });',
    replace:
      'node.outbox.send({ to, message: { kind: "requestVoteResponse", term, granted, ' +
      "lastLog: node.log.last } });",
    tests: [`${handlers}/request-vote.test.ts`],
  },
  {
    name: "vote-asked-before-persisted",
    breaks: "I11, paper §5.2",
    file: "packages/core/src/transitions.ts",
    find: "node.postAfterPersist(peer, message);",
    replace: "node.outbox.send({ to: peer, message });",
    tests: ["packages/core/test/paper/5.2", "packages/core/test/scenarios"],
  },
  {
    name: "vote-not-written",
    breaks: "I1, I6, scenario 3",
    file: `${handlers}/request-vote.ts`,
    find: "node.votedFor = from;\n  node.saveTermAndVote();",
    replace: "node.votedFor = from;",
    tests: [`${handlers}/request-vote.test.ts`],
  },
  {
    name: "adopted-term-not-written",
    breaks: "I6, I11, R5",
    file: "packages/core/src/transitions.ts",
    find: "node.votedFor = undefined;\n    node.saveTermAndVote();",
    replace: "node.votedFor = undefined;",
    tests: ["packages/core/test/paper/5.1", `${handlers}/request-vote.test.ts`],
  },
  {
    name: "vote-forgotten-at-restart",
    breaks: "I1, I6",
    file: "packages/core/src/state.ts",
    find: "this.votedFor = setup.hardState?.votedFor;",
    replace: "this.votedFor = undefined;",
    tests: ["packages/core/test/scenarios", "packages/core/test/paper/5.2"],
  },
  {
    name: "half-is-a-majority",
    breaks: "I1, I4",
    file: "packages/core/src/quorum/majority.ts",
    find: "return (count >>> 1) + 1;",
    replace: "return (count + 1) >>> 1;",
    tests: ["packages/core/src/quorum"],
  },
  {
    name: "no-stickiness",
    breaks: "R5, scenario 9: a live leader is deposed",
    file: `${handlers}/request-vote.ts`,
    find: "if (!request.leadershipTransfer && hearsLeader(node, from)) {",
    replace: "if (!request.leadershipTransfer && node.nowMs < 0) {",
    tests: [`${handlers}/request-vote.test.ts`],
  },
  {
    name: "pre-vote-raises-the-term",
    breaks: "R5, scenario 6",
    file: `${handlers}/request-vote.ts`,
    find: '  node.post(from, {\n    kind: "preVoteResponse",',
    replace:
      '  if (request.term > node.term) adoptTerm(node, request.term, "asked");\n' +
      '  node.post(from, {\n    kind: "preVoteResponse",',
    tests: [`${handlers}/request-vote.test.ts`],
  },
  {
    name: "no-check-quorum",
    breaks: "R5, L1, scenario 7",
    file: `${handlers}/tick.ts`,
    find: "if (node.nowMs - heardMs > node.options.electionTimeoutMs) {",
    replace: "if (node.nowMs - heardMs > Number.POSITIVE_INFINITY) {",
    tests: [`${handlers}/tick.test.ts`],
  },
  {
    name: "late-timeout-now",
    breaks: "R2, scenario 15",
    file: `${handlers}/transfer.ts`,
    find: "request.term === node.term && role.kind",
    replace: "role.kind",
    tests: [`${handlers}/transfer.test.ts`],
  },
  {
    name: "pre-vote-refusal-leaves-term",
    breaks: "R5, L1, scenario 11: a stale term never catches up",
    file: `${handlers}/vote-responses.ts`,
    find: `export function onPreVoteResponse(node: RaftState, from: NodeId, response: PreVoteResponse): void {
  if (response.term > node.term) {`,
    replace: `export function onPreVoteResponse(node: RaftState, from: NodeId, response: PreVoteResponse): void {
  if (response.term < 0) {`,
    tests: ["packages/core/test/paper/thesis-9.6", "packages/core/test/scenarios"],
  },
  {
    name: "lowered-timeout-at-once",
    breaks: "R3: forgets at the start what it had promised before",
    file: "packages/core/src/state.ts",
    find: "return this.nowMs - this.startedMs >= this.persistedTimeoutMs;",
    replace: "return true;",
    tests: ["packages/core/test/scenarios"],
  },
];

/** Log matching: what a follower takes in. */
const matching: readonly Mutation[] = [
  {
    name: "previous-entry-unchecked",
    breaks: "I3, scenario 2",
    file: `${handlers}/append-entries.ts`,
    find: "if (term === prev.term) return undefined;",
    replace: 'if (term !== "absent") return undefined;',
    tests: [`${handlers}/append-entries.test.ts`],
  },
  {
    name: "gap-accepted",
    breaks: "I3, I9",
    file: `${handlers}/append-entries.ts`,
    find: 'if (term === "absent") {',
    replace: 'if (term === "absent" && node.nowMs < 0) {',
    tests: [`${handlers}/append-entries.test.ts`],
  },
  {
    name: "truncated-without-conflict",
    breaks: "I7, scenario 16",
    file: `${handlers}/append-entries.ts`,
    find: 'if (term === entry.term || term === "compacted") continue;',
    replace:
      "if (term === entry.term && entry.index <= node.commitIndex) continue;\n" +
      '    if (term === "compacted") continue;',
    tests: [`${handlers}/append-entries.test.ts`],
  },
  {
    name: "higher-term-ignored",
    breaks: "R5: a leader that is refused steps down",
    file: `${handlers}/append-entries-response.ts`,
    find: "if (response.term > node.term) {\n    adoptTerm(",
    replace: "if (response.term > node.term) {\n    if (node.nowMs < 0) adoptTerm(",
    tests: [`${handlers}/append-entries-response.test.ts`],
  },
];

/** Commit: what counts, and from when on. */
const commits: readonly Mutation[] = [
  {
    name: "old-term-committed-by-count",
    breaks: "I4, I5, scenario 1 (figure 8)",
    file: "packages/core/src/replication.ts",
    find: "  if (node.log.termAt(index) !== node.term) return false;\n",
    replace: "",
    tests: ["packages/core/test/paper/5.4", "packages/core/test/scenarios"],
  },
  {
    name: "own-log-counted-before-persisted",
    breaks: "I7, scenario 19",
    file: "packages/core/src/replication.ts",
    find: "if (id === node.id) return node.durability.index;",
    replace: "if (id === node.id) return node.log.lastIndex;",
    tests: ["packages/core/test/paper/5.3", "packages/core/test/scenarios"],
  },
  {
    name: "commit-beyond-verified",
    breaks: "I5, Figure 2 receiver rule 5",
    file: `${handlers}/append-entries.ts`,
    find: "Math.min(request.leaderCommit, verified)",
    replace: "Math.min(request.leaderCommit, node.log.lastIndex)",
    tests: [`${handlers}/append-entries.test.ts`],
  },
  {
    name: "append-answered-before-persisted",
    breaks: "I7, I11",
    file: `${handlers}/append-entries.ts`,
    find: "    answerAfterPersist(node, from, request, {",
    replace: "    answer(node, from, request, {",
    tests: [`${handlers}/append-entries.test.ts`],
  },
  {
    name: "heartbeat-answered-beyond-durable",
    breaks: "I7, R6",
    file: `${handlers}/append-entries.ts`,
    find: "const index = Math.min(verified, node.durability.index) as LogIndex;",
    replace: "const index = verified;",
    tests: [`${handlers}/append-entries.test.ts`],
  },
  {
    name: "overwritten-write-acknowledged",
    breaks: "I7, I11, scenario 18 (ABA)",
    file: "packages/core/src/log/durability.ts",
    find: "for (const write of this.#pending) if (write.claim > last) write.claim = last;",
    replace: "",
    tests: ["packages/core/src/log/durability.test.ts"],
  },
  {
    name: "truncation-leaves-durable-index",
    breaks: "I7, scenario 20",
    file: "packages/core/src/log/durability.ts",
    find: "if (this.#index > last) this.#index = last;",
    replace: "",
    tests: ["packages/core/src/log/durability.test.ts"],
  },
];

/** The window: how much is sent to whom. */
const windows: readonly Mutation[] = [
  {
    name: "match-goes-back",
    breaks: "I2, scenario 17",
    file: "packages/core/src/progress/progress.ts",
    find: "const raises = matchIndex > this.matchIndex;",
    replace: "const raises = matchIndex !== this.matchIndex;",
    tests: ["packages/core/src/progress"],
  },
  {
    name: "window-without-bound",
    breaks: "L6, scenario 22",
    file: "packages/core/src/progress/progress.ts",
    find: ": !this.inflight.full;",
    replace: ": true;",
    tests: ["packages/core/src/progress"],
  },
  {
    name: "stale-log-read-sent",
    breaks: "I2, I3: entries read before a truncation are sent after it",
    file: `${handlers}/log-read.ts`,
    find: "node.log.termAt(entry.index) === entry.term;",
    replace: "entry.term > 0;",
    tests: ["packages/core/src/replication.test.ts", "packages/core/test"],
  },
];

export const coreMutations: readonly Mutation[] = [
  ...elections,
  ...matching,
  ...commits,
  ...windows,
];
