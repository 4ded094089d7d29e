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
];
