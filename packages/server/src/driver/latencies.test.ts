import { describe, expect, it } from "vitest";
import { Latencies } from "./latencies.js";
import { LatencyHistogram } from "./latency-histogram.js";

describe("Latencies", () => {
  it("measures each batch from writing to durability, in whatever groups that is told", () => {
    const latencies = new Latencies();
    latencies.written(1, 0);
    latencies.written(2, 3);
    latencies.written(4, 5);
    expect(latencies.diskWaitMs(9)).toBe(9);
    latencies.persisted(3, 10);
    expect(latencies.readings().sync).toMatchObject({ count: 2, sumMs: 17 });
    expect(latencies.diskWaitMs(25)).toBe(20);
    latencies.persisted(4, 30);
    expect(latencies.diskWaitMs(40)).toBe(0);
  });

  it("counts a commit once for each entry, and none of a leader that was deposed", () => {
    const latencies = new Latencies();
    latencies.proposed(10, 3, 0);
    latencies.proposed(12, 2, 1);
    latencies.applied(11, 4);
    expect(latencies.readings().commit).toMatchObject({ count: 3, sumMs: 12 });
    latencies.deposed();
    latencies.applied(12, 100);
    expect(latencies.readings().commit.count).toBe(3);
  });
});

describe("LatencyHistogram", () => {
  it("puts a duration into the first bound that it does not pass, and the longest into none", () => {
    const histogram = new LatencyHistogram();
    histogram.observe(0.1);
    histogram.observe(0.11, 2);
    histogram.observe(1e9);
    const { buckets, count } = histogram.reading();
    expect(buckets[0]).toEqual([0.1, 1]);
    expect(buckets[1]).toEqual([0.2, 3]);
    expect(buckets.at(-1)?.[1]).toBe(3);
    expect(buckets.at(-1)?.[0]).toBeGreaterThan(30_000);
    expect(count).toBe(4);
  });
});
