import { getEventListeners } from "node:events";
import { describe, expect, it } from "vitest";
import { Gauge, Waiter } from "./waiter.js";

describe("Waiter", () => {
  it.each([
    { name: "completed", end: (waiter: Waiter<number>) => waiter.complete(1) },
    { name: "failed", end: (waiter: Waiter<number>) => waiter.fail(new Error("no")) },
  ])("lets go of its signal and its bytes when it is $name", async ({ end }) => {
    const gauge = new Gauge();
    const { signal } = new AbortController();
    const waiter = new Waiter<number>(gauge, 7, 1_000, String, signal);
    expect(getEventListeners(signal, "abort")).toHaveLength(1);
    expect(gauge).toMatchObject({ count: 1, bytes: 7 });
    end(waiter);
    end(waiter);
    await waiter.promise.catch(() => undefined);
    expect(getEventListeners(signal, "abort")).toHaveLength(0);
    expect(gauge).toMatchObject({ count: 0, bytes: 0 });
  });

  it("ends as it ended first", async () => {
    const waiter = new Waiter<number>(new Gauge(), 0, 1_000, (input) => input * 2, undefined);
    waiter.complete(4);
    waiter.fail(new Error("too late"));
    expect(await waiter.promise).toBe(8);
  });

  it("rejects when what makes the value throws", async () => {
    const thrower = () => {
      throw new Error("broken");
    };
    const waiter = new Waiter<number>(new Gauge(), 0, 1_000, thrower, undefined);
    waiter.complete(1);
    await expect(waiter.promise).rejects.toThrow("broken");
  });
});
