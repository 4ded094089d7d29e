import { setImmediate as realTurn } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import { simulate } from "./simulate.js";

const sleep = (delayMs: number) => new Promise((resolve) => setTimeout(resolve, delayMs));
const oneHourMs = 3_600_000;

describe("virtualGlobals", () => {
  it("lets an hour of timers pass in a moment, and agrees on it with every clock", async () => {
    const realStart = performance.now();
    await simulate(
      { seed: 1, nodes: 1, virtualGlobals: true, virtualMsMax: 2 * oneHourMs },
      async (cluster) => {
        await cluster.crash(1); // A cluster that is down costs no time.
        const [monotonic, wall] = [performance.now(), Date.now()];
        await sleep(oneHourMs);
        expect(performance.now() - monotonic).toBeCloseTo(oneHourMs, 3);
        expect(Date.now() - wall).toBe(oneHourMs);
        expect(Date.now()).toBe(Math.floor(cluster.clock.wallMs()));
        expect(new Date().toISOString()).toMatch(/^2023-11-14T23:/);
        expect(Date()).toContain("2023");
        expect(new Date(5).getTime()).toBe(5);
        expect(new Date()).toBeInstanceOf(Date);
      },
    );
    expect(performance.now() - realStart).toBeLessThan(oneHourMs / 10);
  });

  it("runs intervals, immediates and timeouts in the order of their times", async () => {
    await simulate({ seed: 1, virtualGlobals: true }, async () => {
      const seen: string[] = [];
      const add = (text: string) => seen.push(text);
      const interval = setInterval(add, 40, "interval");
      setTimeout(add, 100, "timeout");
      clearTimeout(setTimeout(add, 10, "never"));
      clearImmediate(setImmediate(add, "never"));
      setImmediate(add, "immediate");
      setTimeout(add, 60, "unref").unref();
      const refreshed = setTimeout(add, 30, "refreshed");
      await sleep(20);
      refreshed.refresh();
      await sleep(110);
      clearInterval(interval);
      await sleep(100);
      expect(seen).toEqual([
        "immediate",
        "interval",
        "refreshed",
        "unref",
        "interval",
        "timeout",
        "interval",
      ]);
    });
  });

  it("ends AbortSignal.timeout in virtual time", async () => {
    await simulate({ seed: 1, virtualGlobals: true }, async () => {
      const signal = AbortSignal.timeout(1_000);
      await sleep(999);
      expect(signal.aborted).toBe(false);
      await sleep(2);
      expect(signal.reason).toMatchObject({ name: "TimeoutError" });
    });
  });

  it("draws Math.random from the seed", async () => {
    const draw = async (seed: number) => {
      const drawn: number[] = [];
      await simulate({ seed, nodes: 1, virtualGlobals: true }, () => {
        drawn.push(Math.random(), Math.random());
      });
      return drawn;
    };
    expect(await draw(1)).toEqual(await draw(1));
    expect(await draw(1)).not.toEqual(await draw(2));
  });

  it("puts everything back, also after a failure, and refuses two at a time", async () => {
    const before = [setTimeout, Date, Math.random, performance.now, AbortSignal.timeout];
    const options = { seed: 1, virtualGlobals: true };
    const failing = simulate(options, () => {
      throw new Error("no");
    });
    await expect(simulate({ ...options, seed: 2 }, () => undefined)).rejects.toMatchObject({
      code: "INVALID_REQUEST",
      message: expect.stringContaining("another simulation with virtualGlobals"),
    });
    await expect(failing).rejects.toThrow("seed 1: no");
    const after = [setTimeout, Date, Math.random, performance.now, AbortSignal.timeout];
    expect(after.every((value, at) => value === before[at])).toBe(true);
    await realTurn();
  });
});
