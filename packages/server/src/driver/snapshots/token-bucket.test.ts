import { describe, expect, it } from "vitest";
import { TokenBucket } from "./token-bucket.js";

describe("TokenBucket", () => {
  it("delays by what was taken too much, and forgets no debt", () => {
    const bucket = new TokenBucket(1_000, 0);
    expect(bucket.take(500, 0)).toBe(500);
    expect(bucket.take(500, 500)).toBe(500);
    expect(bucket.take(500, 500)).toBe(1_000);
    expect(bucket.take(100, 1_500)).toBe(100);
  });

  it("saves up no more than a quarter of a second", () => {
    const bucket = new TokenBucket(1_000, 0);
    expect(bucket.take(250, 60_000)).toBe(0);
    expect(bucket.take(250, 60_000)).toBe(250);
    expect(bucket.burstBytes).toBe(250);
  });

  it("does not limit at 0", () => {
    expect(new TokenBucket(0, 0).take(2 ** 40, 0)).toBe(0);
  });
});
