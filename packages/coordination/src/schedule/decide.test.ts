import { expect, it } from "vitest";
import { cronTimes } from "./cron-times.js";
import { type Decision, decide, type Situation } from "./decide.js";

const times = cronTimes("0 * * * *", "UTC");
const at = (hours: number, minutes = 0): number => Date.UTC(2026, 0, 1, hours, minutes);
const base = { isRunning: false, times, missed: "skip", graceMs: 60_000 } as const;
const done = (slotMs: number) => ({ slotMs, isDone: true, modRevision: 1 });

it.each<{ name: string; situation: Partial<Situation> & { nowMs: number }; decision: Decision }>([
  {
    name: "begins with what was due last, which is not run",
    situation: { record: undefined, nowMs: at(5, 30) },
    decision: { kind: "begin", slotMs: at(5) },
  },
  {
    name: "waits for the next time",
    situation: { record: done(at(5)), nowMs: at(5, 30) },
    decision: { kind: "wait", untilMs: at(6) },
  },
  {
    name: "runs what is due",
    situation: { record: done(at(5)), nowMs: at(6) },
    decision: { kind: "run", slotMs: at(6), isLate: false },
  },
  {
    name: "runs what is due for less than the grace",
    situation: { record: done(at(5)), nowMs: at(6, 1) },
    decision: { kind: "run", slotMs: at(6), isLate: false },
  },
  {
    name: "leaves out what was missed",
    situation: { record: done(at(5)), nowMs: at(6, 2) },
    decision: { kind: "skip", slotMs: at(6) },
  },
  {
    name: "runs the latest of what was missed, if told to",
    situation: { record: done(at(2)), nowMs: at(6, 2), missed: "run" },
    decision: { kind: "run", slotMs: at(6), isLate: true },
  },
  {
    name: "waits for the end of what runs",
    situation: { record: { ...done(at(5)), isDone: false }, nowMs: at(6), isRunning: true },
    decision: { kind: "wait", untilMs: undefined },
  },
  {
    name: "runs again what was not ended, if told to",
    situation: { record: { ...done(at(5)), isDone: false }, nowMs: at(5, 30), missed: "run" },
    decision: { kind: "run", slotMs: at(5), isLate: true },
  },
  {
    name: "does not run again what was not ended, otherwise",
    situation: { record: { ...done(at(5)), isDone: false }, nowMs: at(5, 30) },
    decision: { kind: "wait", untilMs: at(6) },
  },
  {
    name: "does nothing for a time that a faster clock has seen",
    situation: { record: done(at(6)), nowMs: at(6) - 10 },
    decision: { kind: "wait", untilMs: at(7) },
  },
])("$name", ({ situation, decision }) => {
  expect(decide({ ...base, record: undefined, ...situation })).toEqual(decision);
});
