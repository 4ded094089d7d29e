import { describe, expect, it } from "vitest";
import { rate, table } from "./report.js";
import { Latencies, median, spread } from "./statistics.js";

describe("Latencies.percentiles", () => {
  it("gives the smallest value that the fraction does not exceed", () => {
    const latencies = new Latencies(100);
    for (let value = 100; value > 0; value--) latencies.add(value);
    expect(latencies.percentiles([0, 0.5, 0.99, 1])).toEqual([0, 50, 99, 100]);
  });

  it("keeps as many values as it has room for", () => {
    const latencies = new Latencies(2);
    for (const value of [3, 1, 2]) latencies.add(value);
    expect(latencies.count).toBe(2);
    expect(latencies.percentiles([1])).toEqual([3]);
    latencies.clear();
    expect(latencies.percentiles([0.5])).toEqual([0]);
  });
});

describe("median and spread", () => {
  it.each([
    { values: [3], middle: 3, width: 0 },
    { values: [4, 1, 2], middle: 2, width: 1.5 },
    { values: [1, 10, 2, 4], middle: 3, width: 3 },
  ])("of $values are $middle and $width", ({ values, middle, width }) => {
    expect(median(values)).toBe(middle);
    expect(spread(values)).toBe(width);
  });
});

describe("the report", () => {
  it.each([
    [12.4, "12"],
    [1234, "1.2k"],
    [123_456, "123k"],
    [1_234_567, "1.23M"],
  ])("writes a rate of %f as %s", (perSecond, text) => expect(rate(perSecond)).toBe(text));

  it("lines up columns", () => {
    expect(table(["a", "bb"], [["ccc", 1]])).toBe("a    bb\nccc   1");
  });
});
