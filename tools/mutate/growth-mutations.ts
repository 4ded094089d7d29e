import type { Mutation } from "./mutation.js";

const core = "packages/core/src";
const snapshots = "packages/server/src/driver/snapshots";

/** Who is a member, and when that counts. */
const membership: readonly Mutation[] = [
  {
    name: "new-half-decides-alone",
    breaks: "I8, R5: the old half of a joint configuration is not asked",
    file: `${core}/quorum/voter-sets.ts`,
    find: "return Math.min(incoming, majorityValue(sets.outgoing, reached));",
    replace: "return incoming;",
    tests: [`${core}/quorum/voter-sets.test.ts`],
  },
  {
    name: "change-before-noop",
    breaks: "I8, scenario 25",
    file: `${core}/handlers/change-membership.ts`,
    find: "if (node.commitIndex < leader.noopIndex) {",
    replace: "if (node.commitIndex < 0) {",
    tests: [`${core}/handlers/change-membership.test.ts`],
  },
  {
    name: "two-changes-at-once",
    breaks: "I8, R12",
    file: `${core}/handlers/change-membership.ts`,
    find: "if (node.changeOutstanding) {",
    replace: "if (node.changeOutstanding && node.commitIndex < 0) {",
    tests: [`${core}/handlers/change-membership.test.ts`],
  },
  {
    name: "configuration-not-rolled-back",
    breaks: "scenarios 20 and 27",
    file: `${core}/state.ts`,
    find: "this.configurations.truncateFrom(from);",
    replace: "",
    tests: [`${core}/membership/follow-configuration.test.ts`],
  },
  {
    name: "learner-promoted-unready",
    breaks: "scenario 31: a silent learner as a voter holds up every write",
    file: `${core}/handlers/change-membership.ts`,
    find: "if (lag === undefined) continue;",
    replace: "if (lag !== null) continue;",
    tests: [`${core}/handlers/change-membership.test.ts`],
  },
];

/** What stands for a purged log. */
const states: readonly Mutation[] = [
  {
    name: "matching-tail-dropped",
    breaks: "paper §7: acknowledged entries behind a snapshot are thrown away",
    file: `${core}/state.ts`,
    find: "if (this.log.termAt(lastIncluded.index) !== lastIncluded.term) {",
    replace: "if (lastIncluded.index > 0) {",
    tests: [`${core}/handlers/install-snapshot.test.ts`],
  },
  {
    name: "conflicting-tail-kept",
    breaks: "scenario 43, paper §7: entries of another history stay behind a snapshot",
    file: `${core}/state.ts`,
    find: "if (this.log.termAt(lastIncluded.index) !== lastIncluded.term) {",
    replace: 'if (this.log.termAt(lastIncluded.index) === "absent") {',
    tests: [`${core}/handlers/install-snapshot.test.ts`],
  },
  {
    name: "chunk-not-checked",
    breaks: "scenario 46",
    file: `${snapshots}/incoming-snapshot.ts`,
    find: "if (this.#setup.crc32(data) !== crc32) {",
    replace: "if (data.length < 0) {",
    tests: [`${snapshots}/snapshot-transfer.test.ts`, `${snapshots}/snapshot-receiver.test.ts`],
  },
  {
    name: "purged-beyond-applied",
    breaks: "I9: the log is purged behind a snapshot that is not installed yet",
    file: `${snapshots}/log-purger.ts`,
    find: "return Math.min(newest, appliedIndex, durableIndex) as LogIndex;",
    replace: "return newest as LogIndex;",
    tests: [`${snapshots}/log-purger.test.ts`],
  },
  {
    name: "transfer-hold-ignored",
    breaks: "R7: a peer's snapshot is outdated before it has arrived, for ever",
    file: `${snapshots}/log-purger.ts`,
    find: "const held = Math.min(covered, hold() ?? covered) as LogIndex;",
    replace: "const held = covered;",
    tests: [`${snapshots}/snapshot-faults.test.ts`],
  },
];

export const growthMutations: readonly Mutation[] = [...membership, ...states];
