import { describe, expect, it } from "vitest";
import { Rounds } from "./rounds.js";

describe("Rounds", () => {
  it("numbers rounds from 1 and remembers when each began", () => {
    const rounds = new Rounds();
    expect(rounds.current).toBe(0);
    expect([rounds.begin(100), rounds.begin(250)]).toEqual([1, 2]);
    expect([rounds.sentMs(1), rounds.sentMs(2), rounds.current]).toEqual([100, 250, 2]);
  });

  it.each([0, -1, 3, 1.5, Number.NaN])("knows no round %d", (round) => {
    const rounds = new Rounds();
    rounds.begin(1);
    rounds.begin(2);
    expect(rounds.sentMs(round)).toBeUndefined();
  });

  it("forgets the oldest beyond its bound, and mixes none up", () => {
    const rounds = new Rounds();
    for (let round = 1; round <= 1000; round++) rounds.begin(round * 10);
    expect(rounds.sentMs(1000 - 256)).toBeUndefined();
    for (let round = 1000 - 255; round <= 1000; round++) {
      expect(rounds.sentMs(round)).toBe(round * 10);
    }
  });
});
