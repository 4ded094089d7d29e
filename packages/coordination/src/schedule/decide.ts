import type { CronTimes } from "./cron-times.js";
import type { ScheduleRecord } from "./schedule-record.js";

export interface Situation {
  /** What the cluster knows; `undefined` before anybody was there. */
  readonly record: ScheduleRecord | undefined;
  /** Whether a run is under way. */
  readonly isRunning: boolean;
  readonly nowMs: number;
  readonly times: CronTimes;
  readonly missed: "run" | "skip";
  readonly graceMs: number;
}

export type Decision =
  | { readonly kind: "begin"; readonly slotMs: number }
  | { readonly kind: "run"; readonly slotMs: number; readonly isLate: boolean }
  | { readonly kind: "skip"; readonly slotMs: number }
  /** Until the record changes, or until this time. */
  | { readonly kind: "wait"; readonly untilMs: number | undefined };

/** What a process does next for a schedule, as far as it knows. */
export function decide(situation: Situation): Decision {
  const { record, isRunning, nowMs, times, missed, graceMs } = situation;
  const dueMs = times.latest(nowMs);
  // Whatever was due before anybody was there was not missed.
  if (record === undefined) return { kind: "begin", slotMs: dueMs ?? nowMs };
  if (isRunning) return { kind: "wait", untilMs: undefined };
  if (dueMs !== undefined && dueMs > record.slotMs) {
    const isLate = nowMs - dueMs > graceMs;
    if (isLate && missed === "skip") return { kind: "skip", slotMs: dueMs };
    return { kind: "run", slotMs: dueMs, isLate };
  }
  if (!record.isDone && missed === "run") {
    return { kind: "run", slotMs: record.slotMs, isLate: true };
  }
  return { kind: "wait", untilMs: times.next(Math.max(nowMs, record.slotMs)) };
}
