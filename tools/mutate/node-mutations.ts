import type { Mutation } from "./mutation.js";

const driver = "packages/server/src/driver";
const kv = "packages/kv/src";

/** The driver: what callers are told, and when. */
const drivers: readonly Mutation[] = [
  {
    name: "messages-leave-a-batch-early",
    breaks: "I11",
    file: `${driver}/held-messages.ts`,
    find: "if (next.batch > persisted) return;",
    replace: "if (next.batch > persisted + 1) return;",
    tests: [`${driver}/held-messages.test.ts`],
  },
  {
    name: "applies-beyond-known-commit",
    breaks: "I5, R8",
    file: `${driver}/recovery.ts`,
    find: "Math.max(storage.log.recovered.commitIndex, held) as LogIndex;",
    replace: "last.index;",
    tests: [driver],
  },
  {
    name: "write-acknowledged-at-append",
    breaks: "I7, C1",
    file: `${driver}/proposal-queue.ts`,
    find: "const { waiters, earliestMs } = batch;",
    replace:
      "const { waiters, earliestMs } = batch;\n" +
      "    const early = { succeeded: true, revision: 0, existed: false } as Result;\n" +
      "    for (const waiter of waiters) waiter.complete(early);",
    tests: [`${driver}/proposal-queue.test.ts`],
  },
  {
    name: "timeout-in-log-says-rejected",
    breaks: "C2, C3",
    file: `${driver}/proposal-queue.ts`,
    find: '"OUTCOME_UNKNOWN",\n    "timed out after',
    replace: '"CLUSTER_UNAVAILABLE",\n    "timed out after',
    tests: [`${driver}/driver-writes.test.ts`, `${driver}/driver-cluster.test.ts`],
  },
  {
    name: "another-terms-entry-acknowledges",
    breaks: "C1, scenario 24",
    file: `${driver}/proposal-queue.ts`,
    find: "while (batch !== undefined && isOverwritten(batch, entry)) {",
    replace: "while (batch !== undefined && entry.index < 0) {",
    tests: [`${driver}/proposal-queue.test.ts`],
  },
  {
    name: "failed-node-says-rejected",
    breaks: "C2, scenario 55",
    file: `${driver}/driver-errors.ts`,
    find: "    { cause },\n",
    replace: '    { cause, outcome: "rejected" },\n',
    tests: [`${driver}/driver-lifecycle.test.ts`, `${driver}/driver-writes.test.ts`],
  },
  {
    name: "lease-checked-before-the-value",
    breaks: "R1, I10, scenario 38",
    file: `${driver}/requests.ts`,
    find: "const value = serve();\n    if (node.leaseHolds(clock.nowMs())) {",
    replace:
      "const holds = node.leaseHolds(clock.nowMs());\n    const value = serve();\n    if (holds) {",
    tests: [`${driver}/driver-reads.test.ts`],
  },
  {
    name: "read-served-before-applied",
    breaks: "I10, scenario 40",
    file: `${driver}/read-queue.ts`,
    find: "if (index <= applied) {",
    replace: "if (index >= 0) {",
    tests: [`${driver}/read-queue.test.ts`],
  },
  {
    name: "read-joins-asked-batch",
    breaks: "I10: the index may be older than the read",
    file: `${driver}/read-queue.ts`,
    find: "this.#asked.set(requestId, this.#open);\n    this.#open = newBatch();",
    replace:
      "this.#asked.set(requestId, this.#open);\n" +
      "    const open = this.#open;\n" +
      "    queueMicrotask(() => {\n" +
      "      if (this.#open === open) this.#open = newBatch();\n    });",
    tests: [`${driver}/read-queue.test.ts`],
  },
  {
    name: "rejected-write-proposed",
    breaks: "C3: timed out in the queue, told as rejected, and applied",
    file: `${driver}/proposal-queue.ts`,
    find: "const wanted = batch.waiters.every(isOpen) ? batch : withoutClosed(batch);",
    replace: "const wanted = batch;",
    tests: [`${driver}/proposal-queue.test.ts`],
  },
  {
    name: "closing-node-says-rejected",
    breaks: "C2, C3: proposed writes may still take effect",
    file: `${driver}/requests.ts`,
    find: "this.#proposals.failAll(closed, unknown);",
    replace: "this.#proposals.failAll(closed, closed);",
    tests: [`${driver}/driver-lifecycle.test.ts`, `${driver}/driver-writes.test.ts`],
  },
  {
    name: "value-shared-with-caller",
    breaks: "I12: who writes to a value that was read changes the store",
    file: "packages/server/src/embedded-client.ts",
    find: "return value === undefined ? undefined : this.#copies.copy(value);",
    replace: "return value;",
    tests: ["packages/d-engine/src/embedded-client.test.ts"],
  },
];

/** The key-value state machine. */
const stores: readonly Mutation[] = [
  {
    name: "failed-swap-takes-a-revision",
    breaks: "one revision a change",
    file: `${kv}/handlers/compare-and-swap.ts`,
    find: "if (succeeded) store.set(key, slot, command.value, 0, command.value.length);",
    replace:
      "const before = slot === undefined ? undefined : recordValue(slot.record);\n" +
      "  if (succeeded) store.set(key, slot, command.value, 0, command.value.length);\n" +
      "  else if (before !== undefined) store.set(key, slot, before, 0, before.length);",
    tests: [`${kv}/kv-state-machine.test.ts`, `${kv}/kv-state-machine.contract.test.ts`],
  },
  {
    name: "absent-equals-empty",
    breaks: "C1: a swap that expects no key takes an empty value",
    file: `${kv}/handlers/compare-and-swap.ts`,
    find: "if (record === undefined || expected === undefined) return record === expected;",
    replace:
      "if (record === undefined || expected === undefined) {\n" +
      "    const actual = record === undefined ? 0 : recordValue(record).length;\n" +
      "    return actual === (expected?.length ?? 0);\n  }",
    tests: [`${kv}/kv-state-machine.test.ts`, `${kv}/kv-state-machine.contract.test.ts`],
  },
  {
    name: "view-sees-later-writes",
    breaks: "R16: a snapshot is not one state",
    file: `${kv}/ordered-index.ts`,
    find: "    this.#epoch++;\n",
    replace: "",
    tests: [`${kv}/ordered-index.test.ts`],
  },
  {
    name: "scan-stops-before-0xff",
    breaks: "C1: keys are missing from scans",
    file: `${kv}/prefix-range.ts`,
    find: '"\\u0100"',
    replace: '"\\u00ff"',
    tests: [`${kv}/prefix-range.test.ts`],
  },
  {
    name: "scan-page-repeats-a-key",
    breaks: "C1: a key stands in two pages of a scan",
    file: `${kv}/prefix-range.ts`,
    find: "{ from: after + lowestByte, to }",
    replace: "{ from: after, to }",
    tests: [`${kv}/prefix-range.test.ts`, `${kv}/kv-reader.test.ts`],
  },
];

/** The client: what it tries again, and what it says. */
const clients: readonly Mutation[] = [
  {
    name: "unknown-write-tried-again",
    breaks: "C2, scenario 62",
    file: "packages/client/src/retry.ts",
    find: '(class_ === "readsOnly" || error.outcome === "unknown")',
    replace: 'class_ === "never"',
    tests: ["packages/client/src/retry.test.ts"],
  },
  {
    name: "lost-answer-says-rejected",
    breaks: "C2, C3, scenario 62",
    file: "packages/client/src/retrying-caller.ts",
    find: 'if (operation === "read") return new EngineError("CLUSTER_UNAVAILABLE", message);',
    replace: 'if (operation !== undefined) return new EngineError("CLUSTER_UNAVAILABLE", message);',
    tests: ["packages/client/test/remote-client.test.ts"],
  },
];

export const nodeMutations: readonly Mutation[] = [...drivers, ...stores, ...clients];
