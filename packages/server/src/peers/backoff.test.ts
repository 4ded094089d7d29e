import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Backoff } from "./backoff.js";

describe("Backoff", () => {
  it("doubles up to the maximum and starts over after a success", () => {
    const backoff = new Backoff(50, 1000, () => 1);
    const pauses = Array.from({ length: 7 }, () => backoff.nextMs());
    expect(pauses).toEqual([50, 100, 200, 400, 800, 1000, 1000]);
    backoff.succeeded();
    expect(backoff.nextMs()).toBe(50);
  });

  it("never waits less than half of the pause, and never more than the maximum", () => {
    fc.assert(
      fc.property(fc.double({ min: 0, max: 1, noNaN: true }), fc.nat(100), (chance, failures) => {
        const backoff = new Backoff(50, 1000, () => chance);
        for (let i = 0; i < failures; i++) backoff.nextMs();
        const pause = backoff.nextMs();
        const full = Math.min(1000, 50 * 2 ** Math.min(failures, 30));
        expect(pause).toBeGreaterThanOrEqual(full / 2);
        expect(pause).toBeLessThanOrEqual(1000);
      }),
    );
  });
});
