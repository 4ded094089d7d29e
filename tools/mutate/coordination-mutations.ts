import type { Mutation } from "./mutation.js";

const recipes = "packages/coordination";
const kv = "packages/kv";
const server = "packages/server/src";
const client = "packages/client";

/** Watches, leases and what stands on them. */
export const coordinationMutations: readonly Mutation[] = [
  {
    name: "watch-resumes-with-a-gap",
    breaks: "W3, W5",
    file: `${client}/src/watch/remote-watch.ts`,
    find: "this.#received + 1,",
    replace: "this.#received + 2,",
    tests: [`${client}/test/watch.test.ts`],
  },
  {
    name: "watch-from-a-revision-repeats",
    breaks: "W2",
    file: `${server}/watch/watch-hub.ts`,
    find: 'phase.kind !== "live" || events.revision < phase.next',
    replace: 'phase.kind !== "live"',
    tests: [`${server}/watch/watch-hub.test.ts`, `${server}/watch/watch-hub.property.test.ts`],
  },
  {
    name: "watch-stays-at-a-deaf-node",
    breaks: "W3: a reader who could go elsewhere is told nothing",
    file: `${server}/watch/watch-hub.ts`,
    find: 'for (const watch of [...this.#needing]) this.#end(watch, error, "kept");',
    replace: "",
    tests: [`${server}/watch/watch-hub.test.ts`],
  },
  {
    name: "lease-ends-early",
    breaks: "T1",
    file: `${kv}/src/leases/lease-table.ts`,
    find: "const deadlineMs = this.#nowMs + ttlMs;",
    replace: "const deadlineMs = this.#nowMs + Math.floor(ttlMs / 2);",
    tests: [`${kv}/test/leases-model.test.ts`],
  },
  {
    name: "keep-alive-keeps-nothing",
    breaks: "T1, scenario 65",
    file: `${kv}/src/leases/lease-table.ts`,
    find: "const renewed = { ...lease, deadlineMs: this.#deadline(lease.ttlMs) };",
    replace: "const renewed = { ...lease };",
    tests: [`${kv}/test/leases-model.test.ts`],
  },
  {
    name: "put-keeps-the-old-lease",
    breaks: "scenario 66: an old deadline hits a new life",
    file: `${kv}/src/kv-store.ts`,
    find: "if (previousLease !== 0) this.leases.detach(previousLease, key);",
    replace: "",
    tests: [`${kv}/test/leases-model.test.ts`],
  },
  {
    name: "snapshot-misses-what-was-replaced",
    breaks: "R16: a snapshot is not one state",
    file: `${kv}/src/ordered-index.ts`,
    find: "if (place.epoch !== this.#epoch) this.#keepVersion(place);",
    replace: "",
    tests: [`${kv}/src/ordered-index.test.ts`],
  },
  {
    name: "schedule-claims-what-was-run",
    breaks: "a time is run once in the cluster",
    file: `${recipes}/src/schedule/scheduler.ts`,
    find: "          .if({ key: this.#recordKey, modRevision: record.modRevision })\n",
    replace: "",
    tests: [`${recipes}/test/schedule.test.ts`],
  },
  {
    name: "schedule-ends-the-run-of-another",
    breaks: "R18: the end of a lost run counts",
    file: `${recipes}/src/schedule/scheduler.ts`,
    find: "          .if({ key: this.#runKey, createRevision: token })\n",
    replace: "",
    tests: [`${recipes}/test/schedule.test.ts`],
  },
  {
    name: "registration-fights-its-successor",
    breaks: "of two with one id the later one stays",
    file: `${recipes}/src/registry/registration.ts`,
    find: "if (this.#leases.has(lease)) return false;",
    replace: "if (this.#leases.size > 0) return false;",
    tests: [`${recipes}/test/registry.test.ts`],
  },
  {
    name: "counter-adds-to-what-it-once-saw",
    breaks: "C1: additions of others are lost",
    file: `${recipes}/src/counter/counter.ts`,
    find: "        .if({ key: this.#key, modRevision: known.modRevision })\n",
    replace: "",
    tests: [`${recipes}/test/counter.test.ts`],
  },
  {
    name: "barrier-counts-who-has-left",
    breaks: "a barrier opens for who waits at that moment",
    file: `${recipes}/src/barrier/parties.ts`,
    find: "...waiting.map(({ key }) => ({ key, exists: true }))",
    replace: "...waiting.map(({ key }) => ({ key, version: { greater: -1 } }))",
    tests: [`${recipes}/test/barrier.test.ts`],
  },
  {
    name: "once-runs-what-was-run",
    breaks: "a result counts once",
    file: `${recipes}/src/once/once.ts`,
    find: "      if (found !== undefined) return decode(found);\n",
    replace: "",
    tests: [`${recipes}/test/once.test.ts`],
  },
];
