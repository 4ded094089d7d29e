import { describe, expect, it } from "vitest";
import { distributionOf } from "./statistics.js";

describe("distributionOf", () => {
  it.each([
    { name: "nothing", values: [], median: 0, p99: 0, max: 0 },
    { name: "one", values: [7], median: 7, p99: 7, max: 7 },
    { name: "an even number", values: [4, 1, 3, 2], median: 2, p99: 4, max: 4 },
    {
      name: "two hundred",
      values: Array.from({ length: 200 }, (_, at) => 200 - at),
      median: 100,
      p99: 198,
      max: 200,
    },
  ])("takes ranks of $name", ({ values, median, p99, max }) => {
    expect(distributionOf(values)).toEqual({ count: values.length, median, p99, max });
  });
});
