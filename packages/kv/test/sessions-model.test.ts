import * as fc from "fast-check";
import { expect, it } from "vitest";
import { SESSION_OUTCOMES_MAX } from "../src/sessions/bounds.js";
import { SessionTable, type SessionView } from "../src/sessions/session-table.js";

/** A session as the slow twin knows it; `answers` holds a revision for each sequence. */
interface Row {
  readonly id: number;
  acknowledged: number;
  answers: { readonly sequence: number; readonly revision: number }[];
}

const ids = fc.integer({ min: 1, max: 3 });
const steps = fc.oneof(
  fc.record({ kind: fc.constantFrom("begin", "end"), id: ids }),
  { arbitrary: fc.constant({ kind: "look" } as const), weight: 1 },
  {
    arbitrary: fc.record({
      kind: fc.constant("write"),
      id: ids,
      sequence: fc.integer({ min: 1, max: 20 }),
      behind: fc.integer({ min: 1, max: 20 }),
    }),
    weight: 12,
  },
);

it("sessions and their slow twin admit alike, and a view never changes (R16, R17)", () => {
  fc.assert(
    fc.property(fc.array(steps, { maxLength: 200, size: "max" }), (sequence) => {
      const table = new SessionTable();
      let rows: Row[] = [];
      const views: { view: SessionView; rows: Row[] }[] = [];
      sequence.forEach((step, revision) => {
        const row = "id" in step ? rows.find(({ id }) => id === step.id) : undefined;
        if (step.kind === "look") {
          views.push({ view: table.view(), rows: structuredClone(rows) });
        } else if (step.kind === "begin") {
          if (row !== undefined) return;
          table.begin(step.id);
          rows.push({ id: step.id, acknowledged: 0, answers: [] });
        } else if (step.kind === "end") {
          table.end(step.id);
          rows = rows.filter(({ id }) => id !== step.id);
        } else if ("sequence" in step) {
          const mark = { ...step, acknowledged: Math.max(0, step.sequence - step.behind) };
          const admission = table.admit(mark);
          expect([admission.kind, revisionOf(admission)]).toEqual(twinAdmit(row, mark));
          if (admission.kind !== "execute") return;
          table.record(mark, { succeeded: true, revision, existed: true });
          row?.answers.push({ sequence: step.sequence, revision });
        }
      });
      expect(contents(table.view())).toEqual(sorted(rows));
      for (const { view, rows: then } of views) expect(contents(view)).toEqual(sorted(then));
    }),
    { numRuns: 150 },
  );
});

it("thousands of results come and go without touching the views of them (R16)", () => {
  const table = new SessionTable();
  const views: { view: SessionView; expected: number[] }[] = [];
  for (const id of [1, 2, 3]) table.begin(id);
  for (let sequence = 1; sequence <= 5_000; sequence++) {
    const acknowledged = Math.max(0, sequence - 900 - (sequence % 100));
    for (const id of [1, 2, 3]) {
      const mark = { id, sequence, acknowledged };
      expect(table.admit(mark).kind).toBe("execute");
      table.record(mark, { succeeded: true, revision: sequence, existed: false });
    }
    if (sequence % 500 !== 0) continue;
    const kept = table.get(2)!;
    expect(kept.outcomes).toBeLessThanOrEqual(SESSION_OUTCOMES_MAX);
    const expected = Array.from({ length: kept.outcomes }, (_, i) => kept.acknowledged + 1 + i);
    views.push({ view: table.view(), expected });
  }
  for (const { view, expected } of views) {
    for (const id of [1, 2, 3]) {
      expect([...view.outcomes(id)].map(([sequence]) => sequence)).toEqual(expected);
    }
  }
});

function twinAdmit(
  row: Row | undefined,
  mark: { sequence: number; acknowledged: number },
): [string, number | string | undefined] {
  if (row === undefined) return ["refuse", "SESSION_EXPIRED"];
  row.acknowledged = Math.max(row.acknowledged, mark.acknowledged);
  row.answers = row.answers.filter(({ sequence }) => sequence > row.acknowledged);
  if (mark.sequence <= row.acknowledged) return ["refuse", "INVALID_REQUEST"];
  const known = row.answers.find(({ sequence }) => sequence === mark.sequence);
  return known === undefined ? ["execute", undefined] : ["repeat", known.revision];
}

function revisionOf(admission: ReturnType<SessionTable["admit"]>): number | string | undefined {
  if (admission.kind === "refuse") return admission.refusal.code;
  return admission.kind === "repeat" ? admission.outcome.revision : undefined;
}

function contents(view: SessionView): Row[] {
  return [...view.sessions()].map(({ id, acknowledged, outcomes }) => {
    const stored = [...view.outcomes(id)];
    expect(stored).toHaveLength(outcomes);
    const answers = stored.map(([sequence, { revision }]) => ({ sequence, revision }));
    return { id, acknowledged, answers };
  });
}

function sorted(rows: readonly Row[]): Row[] {
  return rows
    .map((row) => ({ ...row, answers: [...row.answers].sort((a, b) => a.sequence - b.sequence) }))
    .sort((a, b) => a.id - b.id);
}
