import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Prng } from "../prng.js";
import { isLinearizableByBruteForce } from "../testing/brute-force.js";
import { randomHistory } from "../testing/random-history.js";
import type { HistoryOperation } from "./history.js";
import { checkHistory } from "./linearizability.js";

type Shape = Partial<HistoryOperation> & Pick<HistoryOperation, "op" | "call">;

/** Fills in what a test does not care about; without a `return` the outcome is unknown. */
function history(...shapes: Shape[]): HistoryOperation[] {
  return shapes.map((shape, index) => ({
    client: String(index),
    key: "k",
    status: shape.return === undefined ? "unknown" : "ok",
    ...shape,
  }));
}

describe("checkHistory", () => {
  it.each([
    {
      name: "a read after an acknowledged write sees it (I10)",
      operations: history(
        { op: "put", value: "a", call: 0, return: 1 },
        { op: "get", call: 2, return: 3 },
      ),
      kind: "violation",
    },
    {
      name: "a read during a write may see either value",
      operations: history(
        { op: "put", value: "a", call: 0, return: 10 },
        { op: "get", call: 2, return: 3 },
        { op: "get", value: "a", call: 4, return: 5 },
      ),
      kind: "ok",
    },
    {
      name: "a value once seen does not disappear again",
      operations: history(
        { op: "put", value: "a", call: 0, return: 10 },
        { op: "get", value: "a", call: 2, return: 3 },
        { op: "get", call: 4, return: 5 },
      ),
      kind: "violation",
    },
    {
      name: "a write of unknown outcome may happen late",
      operations: history(
        { op: "put", value: "a", call: 0 },
        { op: "put", value: "b", call: 1, return: 2 },
        { op: "get", value: "b", call: 3, return: 4 },
        { op: "get", value: "a", call: 5, return: 6 },
      ),
      kind: "ok",
    },
    {
      name: "a write of unknown outcome happens once at most (C2)",
      operations: history(
        { op: "put", value: "a", call: 0 },
        { op: "get", value: "a", call: 1, return: 2 },
        { op: "put", value: "b", call: 3, return: 4 },
        { op: "get", value: "a", call: 5, return: 6 },
      ),
      kind: "violation",
    },
    {
      name: "a refused write has no effect (C3)",
      operations: history(
        { op: "put", value: "a", call: 0, return: 1, status: "fail" },
        { op: "get", value: "a", call: 2, return: 3 },
      ),
      kind: "violation",
    },
    {
      name: "of two equal compare-and-swaps one fails",
      operations: history(
        { op: "cas", value: "a", call: 0, return: 5, done: true },
        { op: "cas", value: "b", call: 0, return: 5, done: true },
      ),
      kind: "violation",
    },
    {
      name: "a chain of unknown compare-and-swaps may explain a value",
      operations: history(
        { op: "put", value: "a", call: 0 },
        { op: "cas", expect: "a", value: "b", call: 1 },
        { op: "cas", expect: "b", value: "c", call: 2 },
        { op: "get", value: "c", call: 3, return: 4 },
      ),
      kind: "ok",
    },
    {
      name: "an unknown write that nobody read may make a compare-and-swap fail",
      operations: history(
        { op: "put", value: "a", call: 0, return: 1 },
        { op: "put", value: "b", call: 2 },
        { op: "cas", expect: "a", value: "c", call: 3, return: 4, done: false },
      ),
      kind: "ok",
    },
    {
      name: "a delete that found nothing tells that there was nothing",
      operations: history(
        { op: "put", value: "a", call: 0, return: 1 },
        { op: "delete", call: 2, return: 3, done: false },
      ),
      kind: "violation",
    },
    {
      name: "an empty value is not an absent one",
      operations: history(
        { op: "put", value: "", call: 0, return: 1 },
        { op: "get", call: 2, return: 3 },
      ),
      kind: "violation",
    },
    {
      name: "revisions follow real time, over all keys",
      operations: history(
        { op: "put", key: "x", value: "a", rev: 8, call: 0, return: 1 },
        { op: "put", key: "y", value: "b", rev: 7, call: 2, return: 3 },
      ),
      kind: "violation",
    },
    {
      name: "revisions are unique",
      operations: history(
        { op: "put", key: "x", value: "a", rev: 8, call: 0, return: 3 },
        { op: "put", key: "y", value: "b", rev: 8, call: 0, return: 3 },
      ),
      kind: "violation",
    },
    {
      name: "reads must agree with the order of the revisions",
      operations: history(
        { op: "put", value: "a", rev: 8, call: 0, return: 3 },
        { op: "put", value: "b", rev: 7, call: 0, return: 3 },
        { op: "get", value: "b", call: 4, return: 5 },
      ),
      kind: "violation",
    },
    {
      name: "an eventual read may be behind",
      operations: history(
        { op: "put", value: "a", call: 0, return: 1 },
        { op: "get", stale: true, call: 2, return: 3 },
      ),
      kind: "ok",
    },
    {
      name: "eventual reads of one client at one node never go back",
      operations: history(
        { op: "put", value: "a", call: 0, return: 1 },
        { op: "put", value: "b", call: 2, return: 3 },
        { op: "get", value: "b", stale: true, client: "c", node: "1", call: 4, return: 5 },
        { op: "get", value: "a", stale: true, client: "c", node: "1", call: 6, return: 7 },
      ),
      kind: "violation",
    },
    {
      name: "a write given up as unknown may take effect behind a later one, for eventual reads too",
      operations: history(
        { op: "put", value: "a", call: 0, return: 1, status: "unknown" },
        { op: "put", value: "b", call: 2, return: 3 },
        { op: "get", value: "b", stale: true, client: "c", node: "1", call: 4, return: 5 },
        { op: "get", value: "a", stale: true, client: "c", node: "1", call: 6, return: 7 },
      ),
      kind: "ok",
    },
    {
      name: "no value, before any was found, may be the state that nobody made",
      operations: history(
        { op: "put", value: "a", call: 0, return: 1, rev: 1 },
        { op: "delete", done: true, call: 2, return: 9, rev: 2 },
        { op: "get", stale: true, client: "c", node: "1", call: 4, return: 5 },
        { op: "get", value: "a", stale: true, client: "c", node: "1", call: 6, return: 7 },
      ),
      kind: "ok",
    },
    {
      name: "no value, once one was found, is that of a delete, before which nobody goes back",
      operations: history(
        { op: "put", value: "a", call: 0, return: 1, rev: 1 },
        { op: "delete", done: true, call: 2, return: 9, rev: 2 },
        { op: "get", value: "a", stale: true, client: "c", node: "1", call: 3, return: 4 },
        { op: "get", stale: true, client: "c", node: "1", call: 5, return: 6 },
        { op: "get", value: "a", stale: true, client: "c", node: "1", call: 7, return: 8 },
      ),
      kind: "violation",
    },
    {
      name: "eventual reads at different nodes may",
      operations: history(
        { op: "put", value: "a", call: 0, return: 1 },
        { op: "put", value: "b", call: 2, return: 3 },
        { op: "get", value: "b", stale: true, client: "c", node: "1", call: 4, return: 5 },
        { op: "get", value: "a", stale: true, client: "c", node: "2", call: 6, return: 7 },
      ),
      kind: "ok",
    },
    {
      name: "an eventual read finds only what somebody wrote",
      operations: history({ op: "get", value: "a", stale: true, call: 2, return: 3 }),
      kind: "violation",
    },
  ])("$name", ({ operations, kind }) => {
    expect(checkHistory(operations).kind).toBe(kind);
  });

  it("agrees with the brute-force twin on small histories, right and wrong ones", () => {
    const seen = { ok: 0, violation: 0 };
    fc.assert(
      fc.property(fc.integer({ min: 0 }), fc.boolean(), (seed, mutate) => {
        const random = new Prng(seed);
        const operations = randomHistory(random, {
          operations: random.between(2, 8),
          clients: random.between(1, 4),
          keys: 1,
          values: random.pick([1, 2, undefined]),
          unknown: random.pick([0, 0.3, 0.6]),
          revisions: random.chance(0.4),
        });
        const tried = mutate ? mutateAnswer(random, operations) : operations;
        const verdict = checkHistory(tried, { answeredMin: 0 });
        if (verdict.kind !== "ok" && verdict.kind !== "violation") throw new Error(verdict.kind);
        seen[verdict.kind] += 1;
        // The twin judges one key by itself; the revision check may have found more.
        const expected = isLinearizableByBruteForce(tried) ? "ok" : "violation";
        if (verdict.kind !== expected && !isRevisionBreach(verdict)) {
          throw new Error(`twin says ${expected}, search says ${JSON.stringify(verdict)}`);
        }
        if (!mutate) expect(verdict.kind).toBe("ok");
      }),
      { numRuns: 6_000 },
    );
    expect(Math.min(seen.ok, seen.violation)).toBeGreaterThan(500);
  });

  it("judges 100,000 operations with many unknown outcomes in seconds", () => {
    const options = { clients: 40, keys: 50, values: undefined, unknown: 0.1, revisions: false };
    const operations = randomHistory(new Prng(1), { ...options, operations: 100_000 });
    const verdict = checkHistory(operations, { answeredMin: 80_000 });
    expect(verdict).toMatchObject({ kind: "ok", counts: { operations: 100_000, keys: 50 } });
  });

  it("finds one wrong answer among 20,000 and says which", () => {
    const options = { clients: 20, keys: 10, values: undefined, unknown: 0.1, revisions: true };
    const operations = randomHistory(new Prng(2), { ...options, operations: 20_000 });
    const at = operations.findIndex(
      ({ op, status, value }, index) =>
        index > 15_000 && op === "get" && status === "ok" && value !== undefined,
    );
    const wrong = { ...operations[at]!, value: "v17" };
    const verdict = checkHistory(operations.map((each, index) => (index === at ? wrong : each)));
    expect(verdict.kind).toBe("violation");
    if (verdict.kind === "violation") {
      expect(verdict.explanation).toContain(`get ${wrong.key} -> "v17"`);
    }
  });

  it("says how far it came when it gives up", () => {
    const operations = randomHistory(new Prng(3), {
      operations: 2_000,
      clients: 30,
      keys: 1,
      values: 3,
      unknown: 0.2,
      revisions: false,
    });
    const verdict = checkHistory(operations, { stepsMaxPerKey: 20 });
    expect(verdict).toMatchObject({ kind: "undecided" });
    if (verdict.kind === "undecided") expect(verdict.explanation).toMatch(/\d+ of \d+ answers/);
  });

  it("takes a history with too few answers for a failure", () => {
    const operations = history({ op: "put", value: "a", call: 0, return: 1 });
    expect(checkHistory(operations, { answeredMin: 2 }).kind).toBe("tooFew");
    expect(checkHistory(operations, { readsMin: 1 }).kind).toBe("tooFew");
    expect(checkHistory(operations, { writesMin: 1 }).kind).toBe("ok");
  });
});

function isRevisionBreach(verdict: { kind: string; explanation?: string }): boolean {
  return verdict.explanation?.includes("revision") === true && verdict.kind === "violation";
}

/** Changes one answer: what was read, whether it was set, when it came, or that it came. */
function mutateAnswer(random: Prng, operations: readonly HistoryOperation[]): HistoryOperation[] {
  const answered = operations.filter(({ status }) => status === "ok");
  if (answered.length === 0) return [...operations];
  const target = random.pick(answered);
  const values = operations.flatMap(({ value }) => (value === undefined ? [] : [value]));
  const changed = ((): HistoryOperation => {
    if (target.op === "get") return { ...target, value: random.pick([undefined, ...values]) };
    if (target.op === "cas") return { ...target, done: target.done !== true, rev: undefined };
    if (target.op === "delete") return { ...target, done: !target.done, rev: undefined };
    return { ...target, status: "fail" };
  })();
  return operations.map((operation) => (operation === target ? changed : operation));
}
