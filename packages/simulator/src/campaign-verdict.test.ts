import { describe, expect, it } from "vitest";
import { neverReached, notTheSame } from "./campaign-verdict.js";
import { Coverage } from "./cluster/coverage.js";

describe("neverReached", () => {
  const coverage = new Coverage();
  for (const name of coverage.missing) {
    if (name !== "torn tail cut") coverage.merge(new Map([[name, 3]]));
  }

  it("names what 200 seeds left at zero", () => {
    expect(neverReached(coverage, 200)).toBe("never reached in 200 seeds: torn tail cut");
  });

  it("does not judge fewer seeds, which may miss a branch by chance", () => {
    expect(neverReached(coverage, 199)).toBeUndefined();
  });

  it("has nothing to say when every branch was reached", () => {
    coverage.merge(new Map([["torn tail cut", 1]]));
    expect(neverReached(coverage, 1_000)).toBeUndefined();
  });
});

describe("notTheSame", () => {
  const first = [
    { seed: 1, eventHash: "a" },
    { seed: 2, eventHash: "b" },
  ];

  it("accepts equal hashes in any order", () => {
    expect(notTheSame(first, [...first].reverse())).toBeUndefined();
  });

  it("names the first seed that became another run", () => {
    const again = [first[0]!, { seed: 2, eventHash: "c" }];
    expect(notTheSame(first, again)).toBe("seed 2 is not the same twice: event hash b, then c");
  });
});
