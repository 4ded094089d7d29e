/**
 * Deliberate bugs, each of which tests or simulator must find. `find` stands exactly once in
 * `file`; `replace` takes its place.
 *
 * @typedef {{ name: string, file: string, find: string, replace: string }} Mutation
 * @type {readonly Mutation[]}
 */
export const MUTATIONS = [
  {
    name: "votes for a second candidate in a term",
    file: "packages/core/src/handlers/request-vote.ts",
    find: "if (node.votedFor !== undefined) {",
    replace: "if (node.votedFor !== undefined && node.term % 2 === 0) {",
  },
  {
    name: "votes for a candidate with a shorter log",
    file: "packages/core/src/handlers/request-vote.ts",
    find: "if (compareLogIds(request.lastLog, node.log.last) < 0) {",
    replace: "if (request.lastLog.term < node.log.last.term) {",
  },
  {
    name: "does not write its vote down",
    file: "packages/core/src/handlers/request-vote.ts",
    find: "  node.votedFor = from;\n  node.saveTermAndVote();",
    replace: "  node.votedFor = from;",
  },
  {
    name: "no stickiness: votes although a leader is there",
    file: "packages/core/src/handlers/request-vote.ts",
    find: "if (!request.leadershipTransfer && hearsLeader(node, from)) {",
    replace: "if (request.term < 0 && hearsLeader(node, from)) {",
  },
  {
    name: "does not write an adopted term down",
    file: "packages/core/src/transitions.ts",
    find: "    node.votedFor = undefined;\n    node.saveTermAndVote();",
    replace: "    node.votedFor = undefined;",
  },
  {
    name: "asks for votes before its own is durable",
    file: "packages/core/src/transitions.ts",
    find: "    node.postAfterPersist(peer, message);",
    replace: "    node.outbox.send({ to: peer, message });",
  },
  {
    name: "counts its own vote before it is durable",
    file: "packages/core/src/transitions.ts",
    find: "    votes: new Map(),",
    replace: "    votes: new Map([[node.id, true]]),",
  },
  {
    name: "a leader appends no noop of its term to the disk",
    file: "packages/core/src/transitions.ts",
    find: "  node.outbox.append([noop]);",
    replace: "",
  },
  {
    name: "commits an entry of an old term by count (figure 8)",
    file: "packages/core/src/replication.ts",
    find: "if (node.log.termAt(index) !== node.term) return false;",
    replace: "",
  },
  {
    name: "counts its own entries before they are durable",
    file: "packages/core/src/replication.ts",
    find: "if (id === node.id) return node.durability.index;",
    replace: "if (id === node.id) return node.log.lastIndex;",
  },
  {
    name: "a window that has no end",
    file: "packages/core/src/progress/progress.ts",
    find: 'return this.state === "probe" ? !this.probeSent : !this.inflight.full;',
    replace: 'return this.state === "probe" || !this.inflight.full;',
  },
  {
    name: "a match that goes back",
    file: "packages/core/src/progress/progress.ts",
    find: "if (matchIndex > this.matchIndex) {",
    replace: "if (matchIndex > 0) {",
  },
  {
    name: "a majority is half of the voters",
    file: "packages/core/src/quorum/majority.ts",
    find: "return (count >>> 1) + 1;",
    replace: "return (count + 1) >>> 1;",
  },
  {
    name: "skips the check of the previous entry",
    file: "packages/core/src/handlers/append-entries.ts",
    find: "  if (term === prev.term) return undefined;",
    replace: '  if (typeof term === "number") return undefined;',
  },
  {
    name: "commits beyond what the request verified",
    file: "packages/core/src/handlers/append-entries.ts",
    find: "node.advanceCommit(Math.min(request.leaderCommit, verified) as LogIndex);",
    replace: "node.advanceCommit(Math.min(request.leaderCommit, node.log.lastIndex) as LogIndex);",
  },
  {
    name: "acknowledges entries before they are durable",
    file: "packages/core/src/handlers/append-entries.ts",
    find: '    answerAfterPersist(node, from, request, { kind: "success", lastMatch });',
    replace: '    answer(node, from, request, { kind: "success", lastMatch });',
  },
  {
    name: "an empty append acknowledges what is not durable",
    file: "packages/core/src/handlers/append-entries.ts",
    find: "const index = Math.min(verified, node.durability.index) as LogIndex;",
    replace: "const index = verified;",
  },
  {
    name: "an old, short request truncates (scenario 16)",
    file: "packages/core/src/handlers/append-entries.ts",
    find: 'if (term === entry.term || term === "compacted") continue;',
    replace: 'if (term === "compacted") continue;',
  },
  {
    name: "truncation leaves the durable index (scenario 18)",
    file: "packages/core/src/log/durability.ts",
    find: "    if (this.#index > last) this.#index = last;",
    replace: "",
  },
  {
    name: "an overtaken write vouches for what replaced it (scenario 18)",
    file: "packages/core/src/log/durability.ts",
    find: "for (const write of this.#pending) if (write.claim > last) write.claim = last;",
    replace: "",
  },
  {
    name: "no check-quorum",
    file: "packages/core/src/handlers/tick.ts",
    find: "if (node.nowMs - heardMs > node.options.electionTimeoutMs) {",
    replace: "if (node.nowMs - heardMs > 1e9) {",
  },
  {
    name: "a read joins the round that is under way",
    file: "packages/core/src/handlers/read.ts",
    find: "const round = rounds.current + 1;",
    replace: "const round = Math.max(1, rounds.current);",
  },
  {
    name: "a read before the noop is committed (scenario 37)",
    file: "packages/core/src/handlers/read.ts",
    find: "  if (node.commitIndex < leader.noopIndex) {\n    leader.reads.park(origin);",
    replace: "  if (node.commitIndex < 0) {\n    leader.reads.park(origin);",
  },
  {
    name: "reads are served without asking a majority",
    file: "packages/core/src/handlers/read.ts",
    find: "const round = Math.min(confirmed, leader.rounds.current);",
    replace: "const round = confirmed === 0 ? 0 : leader.rounds.current;",
  },
  {
    name: "the lease counts from the answer instead of the round's start",
    file: "packages/core/src/handlers/append-entries-response.ts",
    find: "progress.ackedRoundSentMs = sentMs;",
    replace: "progress.ackedRoundSentMs = node.nowMs;",
  },
  {
    name: "a lease of three election timeouts",
    file: "packages/core/src/reads/lease.ts",
    find: "  return start + duration;",
    replace: "  return start + 3 * duration;",
  },
  {
    name: "lease reads before all that is committed is applied",
    file: "packages/core/src/raft-node.ts",
    find: "if (node.commitIndex < role.noopIndex || node.appliedIndex < node.commitIndex) return false;",
    replace: "",
  },
  {
    name: "a node that starts votes at once",
    file: "packages/core/src/state.ts",
    find: "this.leaderHeardMs = lone ? Number.NEGATIVE_INFINITY : setup.nowMs;",
    replace: "this.leaderHeardMs = Number.NEGATIVE_INFINITY;",
  },
  {
    name: "messages leave before the batch that they rest on is durable",
    file: "packages/server/src/driver/held-messages.ts",
    find: "      if (next.batch > persisted) return;",
    replace: "      if (next.batch > persisted + 1) return;",
  },
  {
    name: "a timed-out write that was proposed is said to have no effect",
    file: "packages/server/src/driver/proposal-queue.ts",
    find: 'return new EngineError(\n    "OUTCOME_UNKNOWN",\n    "timed out after the write',
    replace: 'return new EngineError(\n    "CLUSTER_UNAVAILABLE",\n    "timed out after the write',
  },
  {
    name: "a read is served before its index is applied",
    file: "packages/server/src/driver/read-queue.ts",
    find: "    if (index <= applied) {",
    replace: "    if (index <= applied + 1) {",
  },
  {
    name: "a lease is checked before the value is read",
    file: "packages/server/src/driver/requests.ts",
    find: "    const value = serve();\n    if (node.leaseHolds(clock.nowMs())) {",
    replace:
      "    const holds = node.leaseHolds(clock.nowMs());\n    clock.nowMs();\n    const value = serve();\n    if (holds) {",
  },
  {
    name: "writes are not durable when their promise resolves",
    file: "packages/storage/src/log/segment-pool.ts",
    find: 'const file = await fileSystem.open(path, { access: "readWrite", durable: true });',
    replace: 'const file = await fileSystem.open(path, { access: "readWrite", durable: false });',
  },
  {
    name: "recovery does not check the payload",
    file: "packages/storage/src/log/batch-reader.ts",
    find: "if (crc32(bytes.subarray(BATCH_HEADER_BYTES)) !== header.payloadCrc) return undefined;",
    replace: "",
  },
  {
    name: "recovery takes old batches of a used segment",
    file: "packages/storage/src/log/batch-reader.ts",
    find: "if (expected.sequence !== undefined && header.sequence !== expected.sequence) return undefined;",
    replace: "",
  },
  {
    name: "replay forgets the hard state",
    file: "packages/storage/src/log/log-replay.ts",
    find: "    this.#hardState = records.hardState ?? this.#hardState;",
    replace: "",
  },
  {
    name: "a segment begins without the hard state",
    file: "packages/storage/src/log/batch-appender.ts",
    find: "    if (builder.hardState !== undefined) this.#hardState = builder.hardState;",
    replace: "",
  },
  {
    name: "the name of a new segment is not durable",
    file: "packages/storage/src/log/segment-pool.ts",
    find: "    await fileSystem.syncDirectory(directory);\n    const file",
    replace: "    const file",
  },
  {
    name: "the commit index runs ahead of its entries",
    file: "packages/storage/src/log/batch-appender.ts",
    find: "      await this.roll(pool);\n    }\n    const segment",
    replace:
      "      this.#commitIndex = commitIndex;\n      await this.roll(pool);\n    }\n    const segment",
  },
  {
    name: "a compare-and-swap compares lengths alone",
    file: "packages/kv/src/handlers/compare-and-swap.ts",
    find: "if (actual[i] !== expected[i]) return false;",
    replace: "if (actual[i] === undefined) return false;",
  },
  {
    name: "a delete of nothing takes a revision",
    file: "packages/kv/src/handlers/delete.ts",
    find: "return { succeeded: true, revision: store.revision, existed: slot !== undefined };",
    replace: "return { succeeded: true, revision: store.revision, existed: true };",
  },
];
