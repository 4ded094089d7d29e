import { describe, expect, it } from "vitest";
import { isKilled, type MutationResult, median, reportSummary, reportTable } from "./report.js";
import { nameOfFailure } from "./run-tests.js";

const result: MutationResult = {
  name: "m",
  breaks: "R1",
  test: undefined,
  simulator: undefined,
  seconds: 1,
};
const results: readonly MutationResult[] = [
  { ...result, name: "by a test", test: "a.test.ts: a rule" },
  { ...result, name: "by a seed", simulator: { kind: "killed", seed: 3, by: "I5: other entry" } },
  { ...result, name: "by nobody", simulator: { kind: "survived", seeds: 9 } },
];

describe("isKilled", () => {
  it("takes a test or a seed, not a search that found nothing", () => {
    expect(results.map(isKilled)).toEqual([true, true, false]);
  });
});

describe("reportTable", () => {
  it("says for each bug who found it", () => {
    expect(reportTable(results)).toBe(
      [
        "| Bug       | Breaks | Tests    | Simulator      |",
        "| --------- | ------ | -------- | -------------- |",
        "| by a test | R1     | killed   | –              |",
        "| by a seed | R1     | survived | seed 3, I5     |",
        "| by nobody | R1     | survived | not in 9 seeds |",
      ].join("\n"),
    );
  });
});

describe("reportSummary", () => {
  it("counts, and gives the median of the seeds", () => {
    const summary = "2 of 3 killed, 1 by tests, 1 of 2 by the simulator, in 3 seeds at the median";
    expect(reportSummary(results)).toBe(summary);
  });
});

describe("median", () => {
  it.each([
    { name: "of an odd number", values: [9, 1, 10], expected: 9 },
    { name: "of an even number", values: [4, 1, 2, 30], expected: 3 },
  ])("is the middle $name of values", ({ values, expected }) => {
    expect(median(values)).toBe(expected);
  });
});

describe("nameOfFailure", () => {
  const passed = { status: "passed", fullName: "a rule" };
  it.each([
    {
      name: "the first test that failed",
      file: {
        name: "/copy/a.test.ts",
        status: "failed",
        assertionResults: [passed, { status: "failed", fullName: "b rule" }],
      },
      expected: "a.test.ts: b rule",
    },
    {
      name: "a file that does not load",
      file: { name: "/copy/a.test.ts", status: "failed", assertionResults: [] },
      expected: "a.test.ts: does not load",
    },
    {
      name: "nothing when all passed",
      file: { name: "/copy/a.test.ts", status: "passed", assertionResults: [passed] },
      expected: undefined,
    },
  ])("names $name", ({ file, expected }) => {
    expect(nameOfFailure({ numPassedTests: 1, testResults: [file] }, "/copy")).toBe(expected);
  });
});
