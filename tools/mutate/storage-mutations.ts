import type { Mutation } from "./mutation.js";

const log = "packages/storage/src/log";

/** The write-ahead log: what is acknowledged, and what a start finds again. */
export const storageMutations: readonly Mutation[] = [
  {
    name: "group-commit-acknowledged-at-launch",
    breaks: "I7, R8",
    file: `${log}/log-writer.ts`,
    find: "queue.refill();",
    replace: "queue.refill();\n      this.#report(filled);",
    tests: [`${log}/power-loss.test.ts`, "packages/storage/src/testing"],
  },
  {
    name: "large-write-acknowledged-in-part",
    breaks: "I7, R8",
    file: `${log}/batch-queue.ts`,
    find: "if (!this.#encodeWrite(write)) return;",
    replace: "this.#batch = write.batch;\n      if (!this.#encodeWrite(write)) return;",
    tests: [`${log}/power-loss.test.ts`, "packages/storage/src/testing", `${log}/recovery.test.ts`],
  },
  {
    name: "torn-batch-accepted",
    breaks: "I7, scenario 52",
    file: `${log}/batch-reader.ts`,
    find: "if (crc32(bytes.subarray(BATCH_HEADER_BYTES)) !== header.payloadCrc) return undefined;",
    replace: "",
    tests: [`${log}/recovery.test.ts`],
  },
  {
    name: "corruption-cut-silently",
    breaks: "I7, scenario 53",
    file: `${log}/recover-log.ts`,
    find: "await this.#refuseIfDamaged(i, end.offset, reader);",
    replace: "",
    tests: [`${log}/recovery.test.ts`],
  },
  {
    name: "commit-index-before-its-entries",
    breaks: "I5: a crash behind the roll applies what was to be replaced",
    file: `${log}/batch-appender.ts`,
    find: "await this.roll(pool);",
    replace: "this.#commitIndex = commitIndex;\n      await this.roll(pool);",
    tests: [`${log}/commit-index.test.ts`],
  },
  {
    name: "commit-index-with-a-first-part",
    breaks: "I5: the same, for a write in several batches",
    file: `${log}/batch-queue.ts`,
    find: "const builder = this.#filling;\n",
    replace:
      "const builder = this.#filling;\n" +
      "    if (write.commitIndex > this.#commitIndex) this.#commitIndex = write.commitIndex;\n",
    tests: [`${log}/commit-index.test.ts`],
  },
  {
    name: "hard-state-lost-at-roll",
    breaks: "I6, R9",
    file: `${log}/batch-appender.ts`,
    find: "hardState: this.#hardState,",
    replace: "hardState: undefined,",
    tests: ["packages/storage/src/testing", `${log}/recovery.test.ts`],
  },
  {
    name: "newest-batch-not-rewritten",
    breaks: "I7: what only the page cache held is counted as durable",
    file: `${log}/rewrite-newest.ts`,
    find: "await segment.file.write(bytes, 0, bytes.length, newest.offset);",
    replace: "",
    tests: [log],
  },
  {
    name: "failed-write-tried-again",
    breaks: "I7, scenario 55",
    file: `${log}/batch-appender.ts`,
    find: 'naming("writing", segment.path, () => segment.file.write(source, 0, bytes, segment.end));',
    replace:
      'naming("writing", segment.path, async () => {\n' +
      "      const write = () => segment.file.write(source, 0, bytes, segment.end);\n" +
      "      await write().catch(write);\n    });",
    tests: [`${log}/disk-faults.test.ts`],
  },
  {
    name: "segment-name-not-synced",
    breaks: "I7, scenario 58",
    file: `${log}/segment-pool.ts`,
    find: "holds entries.\n    await fileSystem.syncDirectory(directory);",
    replace: "holds entries.\n",
    tests: [`${log}/power-loss.test.ts`, `${log}/disk-faults.test.ts`, `${log}/recovery.test.ts`],
  },
  {
    name: "earlier-batch-counts-as-later",
    breaks: "R8: an unacknowledged tail is cut, not refused",
    file: `${log}/segment-scan.ts`,
    find: "header.sequence <= wanted.sequence",
    replace: "header.sequence < 0",
    tests: [`${log}/recovery.test.ts`],
  },
  {
    name: "torn-batch-not-overwritten",
    breaks: "R8: what was cut is found again at the next start",
    file: `${log}/rewrite-newest.ts`,
    find: '(newest.kind !== "seal" || state.wasCut)',
    replace: 'newest.kind !== "seal"',
    tests: [`${log}/recovery.test.ts`, `${log}/power-loss.test.ts`],
  },
  {
    name: "overwritten-entries-return",
    breaks: "I3, scenario 48",
    file: `${log}/log-map.ts`,
    find: "    this.#truncateFrom(run.first);\n",
    replace: "",
    tests: [log],
  },
  {
    name: "superseded-pending-entry-read",
    breaks: "I3: a read between two writes of an index takes the older",
    file: `${log}/pending-writes.ts`,
    find: "for (let i = this.#writes.length - 1; i >= 0; i--) {",
    replace: "for (let i = 0; i < this.#writes.length; i++) {",
    tests: [log],
  },
  {
    name: "roll-before-the-next-segment",
    breaks: "R9: a crash between the two refuses to start",
    file: `${log}/batch-appender.ts`,
    find: "const held = await pool.take();",
    replace:
      'if (this.#newest !== "roll") await this.#appendControl("roll", BATCH_HEADER_BYTES);\n' +
      "    const held = await pool.take();",
    tests: [`${log}/power-loss.test.ts`, `${log}/disk-faults.test.ts`],
  },
  {
    name: "purge-takes-one-too-many",
    breaks: "I9: an entry behind the purged ones is gone",
    file: `${log}/log-map.ts`,
    find: "this.#firstAfter(count) <= upTo + 1",
    replace: "this.#firstAfter(count) <= upTo + 2",
    tests: [log, "packages/storage/src/testing"],
  },
  {
    name: "used-log-replaced",
    breaks: "I7, scenario 54: a log whose directory lost its identity is made anew",
    file: `${log}/create-log.ts`,
    find: "await refuseUsedLog(context);",
    replace: "",
    tests: [log, "packages/storage/src/directory", "packages/storage/src/file-storage.test.ts"],
  },
];
