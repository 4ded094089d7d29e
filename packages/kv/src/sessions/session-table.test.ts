import type { SessionMark } from "@d-engine/codec";
import { describe, expect, it } from "vitest";
import type { WriteOutcome } from "../write-outcome.js";
import { SESSION_BYTES_MAX, SESSION_OUTCOMES_MAX, SESSIONS_BYTES_MAX } from "./bounds.js";
import { SessionTable } from "./session-table.js";
import { storeOutcome } from "./stored-outcome.js";

const mark = (sequence: number, acknowledged = 0, id = 1): SessionMark => ({
  id,
  sequence,
  acknowledged,
});

const outcome = (revision: number): WriteOutcome => ({ succeeded: true, revision, existed: false });

/** Executes as the store does, unless told not to; what is answered either way. */
function run(table: SessionTable, at: SessionMark, answer = outcome(at.sequence)): unknown {
  const admission = table.admit(at);
  if (admission.kind === "refuse") return admission.refusal.code;
  if (admission.kind === "repeat") return ["again", admission.outcome];
  table.record(at, answer);
  return answer;
}

function withSession(): SessionTable {
  const table = new SessionTable();
  table.begin(1);
  return table;
}

describe("SessionTable (rule R17)", () => {
  it("executes a write once, and answers its first outcome ever after", () => {
    const table = withSession();
    expect(run(table, mark(1))).toEqual(outcome(1));
    expect(run(table, mark(1), outcome(99))).toEqual(["again", outcome(1)]);
    expect(run(table, mark(1), outcome(99))).toEqual(["again", outcome(1)]);
  });

  it.each<{ name: string; answer: WriteOutcome }>([
    { name: "a swap that did not match", answer: { ...outcome(4), succeeded: false } },
    { name: "a lease", answer: { ...outcome(4), detail: { kind: "lease", id: 7, ttlMs: 5 } } },
    { name: "no keys deleted", answer: { ...outcome(4), detail: { kind: "deleted", deleted: 0 } } },
    {
      name: "a refusal",
      answer: { ...outcome(4), refusal: { code: "LEASE_NOT_FOUND", message: "no lease 3" } },
    },
    {
      name: "a transaction with a range",
      answer: {
        ...outcome(4),
        detail: {
          kind: "txn",
          succeeded: true,
          results: [
            { kind: "put" },
            { kind: "range", count: 1, more: false, revision: 4, entries: [pair("k", "v")] },
          ],
        },
      },
    },
  ])("answers $name again as it was", ({ answer }) => {
    const table = withSession();
    run(table, mark(1), answer);
    expect(run(table, mark(1))).toEqual(["again", answer]);
  });

  it("keeps what was applied out of order, not just the highest sequence", () => {
    const table = withSession();
    run(table, mark(3));
    expect(run(table, mark(1))).toEqual(outcome(1));
    expect(run(table, mark(2))).toEqual(outcome(2));
    expect(run(table, mark(3), outcome(99))).toEqual(["again", outcome(3)]);
  });

  it("drops what is acknowledged, and refuses a write that comes after that", () => {
    const table = withSession();
    for (const sequence of [1, 2, 3, 4]) run(table, mark(sequence));
    run(table, mark(5, 3));
    expect(table.get(1)).toMatchObject({ acknowledged: 3, outcomes: 2 });
    expect(run(table, mark(3))).toBe("INVALID_REQUEST");
    expect(run(table, mark(4, 1), outcome(99))).toEqual(["again", outcome(4)]);
    expect(table.get(1)?.acknowledged).toBe(3);
  });

  it("takes over an acknowledgement that comes with a repetition", () => {
    const table = withSession();
    for (const sequence of [1, 2]) run(table, mark(sequence));
    run(table, mark(2, 1));
    expect(table.get(1)).toMatchObject({ acknowledged: 1, outcomes: 1 });
  });

  it("knows a session from its lease's grant to its end, and apart from others", () => {
    const table = withSession();
    table.begin(2);
    run(table, mark(1));
    expect(run(table, mark(1, 0, 2), outcome(9))).toEqual(outcome(9));
    expect(run(table, mark(1, 0, 3))).toBe("SESSION_EXPIRED");
    table.end(1);
    table.end(1);
    expect(run(table, mark(1))).toBe("SESSION_EXPIRED");
    expect(run(table, mark(1, 0, 2))).toEqual(["again", outcome(9)]);
    table.end(2);
    expect([table.size, table.bytes]).toEqual([0, 0]);
    table.begin(1);
    expect(run(table, mark(1))).toEqual(outcome(1));
  });

  it("keeps nothing of the command that ends its own session", () => {
    const table = withSession();
    expect(table.admit(mark(1)).kind).toBe("execute");
    table.end(1);
    table.record(mark(1), outcome(1));
    expect([table.size, table.bytes]).toEqual([0, 0]);
  });

  it("refuses a new write, and nothing else, at the bound of results", () => {
    const table = withSession();
    for (let sequence = 1; sequence <= SESSION_OUTCOMES_MAX; sequence++) run(table, mark(sequence));
    const next = SESSION_OUTCOMES_MAX + 1;
    expect(run(table, mark(next))).toBe("RATE_LIMITED");
    expect(run(table, mark(7))).toEqual(["again", outcome(7)]);
    expect(run(table, mark(next, 1))).toEqual(outcome(next));
    expect(table.get(1)?.outcomes).toBe(SESSION_OUTCOMES_MAX);
  });

  it("does so at the bounds of bytes, of one session and of all", () => {
    const table = new SessionTable();
    const large = storeOutcome({ ...outcome(1), detail: rangeOf(SESSION_BYTES_MAX) });
    const sessions = SESSIONS_BYTES_MAX / SESSION_BYTES_MAX;
    for (let id = 1; id <= sessions; id++) {
      table.begin(id);
      table.add(id, 1, large);
      expect(run(table, mark(2, 0, id))).toBe("RATE_LIMITED");
    }
    table.begin(sessions + 1);
    expect(run(table, mark(1, 0, sessions + 1))).toBe("RATE_LIMITED");
    expect(run(table, mark(2, 1, 1))).toEqual(outcome(2));
  });

  it("never changes a view (rule R16)", () => {
    const table = withSession();
    table.begin(2);
    for (const sequence of [1, 2, 3]) run(table, mark(sequence));
    const view = table.view();
    const before = [...view.sessions()];
    run(table, mark(4, 2));
    table.end(2);
    table.begin(3);
    expect([...view.sessions()]).toEqual(before);
    expect([...view.outcomes(1)].map(([sequence]) => sequence)).toEqual([1, 2, 3]);
    table.end(1);
    expect([...view.outcomes(1)].map(([, { revision }]) => revision)).toEqual([1, 2, 3]);
    expect([...view.outcomes(2)]).toEqual([]);
  });
});

function pair(key: string, value: string, version = 1) {
  const bytes = (text: string) => Uint8Array.from(text, (char) => char.charCodeAt(0));
  const revisions = { createRevision: 1, modRevision: 2, version, lease: 0 };
  return { key: bytes(key), value: bytes(value), ...revisions };
}

function rangeOf(valueBytes: number) {
  const entry = { ...pair("k", ""), value: new Uint8Array(valueBytes) };
  const result = { kind: "range", entries: [entry], count: 1, more: false, revision: 1 } as const;
  return { kind: "txn", succeeded: true, results: [result] } as const;
}
