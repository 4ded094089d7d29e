import { describe, expect, it } from "vitest";
import { Pace } from "./pace.js";

describe("Pace", () => {
  it("never slows down without a bound", () => {
    const pace = new Pace(Number.POSITIVE_INFINITY, () => 0);
    expect([pace.take(1e12), pace.take(1e12)]).toEqual([0, 0]);
  });

  it("keeps to its bytes a second over any longer time", () => {
    let now = 0;
    const pace = new Pace(1000, () => now);
    let sent = 0;
    while (now < 10_000) {
      now += pace.take(100);
      sent += 100;
    }
    expect(sent / 10).toBeGreaterThan(990);
    expect(sent / 10).toBeLessThan(1030);
  });

  it("lets no more than a moment's worth be made up for after a pause", () => {
    let now = 0;
    const pace = new Pace(1000, () => now);
    pace.take(100);
    now = 60_000;
    expect([pace.take(100), pace.take(100), pace.take(100)]).toEqual([0, 0, 100]);
  });
});
