import { isEngineError } from "@d-engine/client";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { cronTimes } from "./cron-times.js";

const at = (text: string): number => Date.parse(text);

describe("cronTimes", () => {
  it("names the moment itself as latest, and never as next", () => {
    const times = cronTimes("*/5 * * * *", "UTC");
    const due = at("2026-03-01T10:05:00Z");
    expect(times.latest(due)).toBe(due);
    expect(times.latest(due + 999)).toBe(due);
    expect(times.latest(due - 1)).toBe(due - 300_000);
    expect(times.next(due)).toBe(due + 300_000);
    expect(times.next(due - 1)).toBe(due);
  });

  it("goes by the clocks of the zone", () => {
    const times = cronTimes("30 9 * * MON", "America/New_York");
    expect(times.next(at("2026-01-01T00:00:00Z"))).toBe(at("2026-01-05T14:30:00Z"));
    expect(times.next(at("2026-07-01T00:00:00Z"))).toBe(at("2026-07-06T13:30:00Z"));
  });

  it("takes a fixed time that the change of the clocks leaves out or repeats once", () => {
    const times = cronTimes("30 2 * * *", "Europe/Berlin");
    expect(times.next(at("2026-03-28T12:00:00Z"))).toBe(at("2026-03-29T01:00:00Z"));
    expect(times.next(at("2026-03-29T01:00:00Z"))).toBe(at("2026-03-30T00:30:00Z"));
    expect(times.next(at("2026-10-24T12:00:00Z"))).toBe(at("2026-10-25T00:30:00Z"));
    expect(times.next(at("2026-10-25T00:30:00Z"))).toBe(at("2026-10-26T01:30:00Z"));
  });

  it.each([
    { name: "what is no expression", expression: "soon", timezone: "UTC" },
    { name: "a number out of range", expression: "61 * * * *", timezone: "UTC" },
    { name: "years", expression: "0 0 0 1 1 * 2030", timezone: "UTC" },
    { name: "a date that does not exist", expression: "0 0 30 2 *", timezone: "UTC" },
    { name: "a single date", expression: "2026-01-01T00:00:00", timezone: "UTC" },
    { name: "an unknown zone", expression: "* * * * *", timezone: "Nowhere/There" },
  ])("refuses $name and says what was given", ({ expression, timezone }) => {
    const refusal = caught(() => cronTimes(expression, timezone));
    expect(isEngineError(refusal, "INVALID_REQUEST")).toBe(true);
    expect(String(refusal)).toContain(expression);
    expect(String(refusal)).toContain(timezone);
  });

  it("agrees with itself: what is next is later, and then the latest", () => {
    const expressions = [
      "* * * * *",
      "*/20 * * * * *",
      "30 2 * * *",
      "0 0 1 * *",
      "15 1-3 * * SUN",
    ];
    const zones = ["UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe"];
    fc.assert(
      fc.property(
        fc.constantFrom(...expressions),
        fc.constantFrom(...zones),
        fc.integer({ min: at("2024-01-01T00:00:00Z"), max: at("2030-01-01T00:00:00Z") }),
        (expression, zone, nowMs) => {
          const times = cronTimes(expression, zone);
          const latest = times.latest(nowMs) ?? Number.NaN;
          const next = times.next(nowMs) ?? Number.NaN;
          expect(latest).toBeLessThanOrEqual(nowMs);
          expect(next).toBeGreaterThan(nowMs);
          expect(times.next(latest)).toBe(next);
          expect(times.latest(next)).toBe(next);
        },
      ),
      { numRuns: 300 },
    );
  });
});

function caught(action: () => unknown): unknown {
  try {
    action();
  } catch (error) {
    return error;
  }
  return undefined;
}
