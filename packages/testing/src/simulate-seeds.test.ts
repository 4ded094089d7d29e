import { afterEach, describe, expect, it, vi } from "vitest";
import { simulate } from "./simulate.js";
import { forEachSeed, simulateSeeds } from "./simulate-seeds.js";
import { SimulationError } from "./simulation-error.js";

afterEach(() => vi.unstubAllEnvs());

const calm = (seed: number) => simulate({ seed, nodes: 1 }, (cluster) => cluster.advance(100));

describe("simulateSeeds", () => {
  it("runs each seed, the last one included, and adds up what they were", async () => {
    const seeds = new Set<number>();
    const total = await simulateSeeds(
      { from: 3, to: 6, nodes: 1, faults: ["pause"] },
      async (cluster) => {
        seeds.add(cluster.seed);
        await cluster.advance(4_000);
      },
    );
    expect([...seeds]).toEqual([3, 4, 5, 6]);
    expect(total.seeds).toBe(4);
    expect(total.virtualMs).toBeGreaterThan(4 * 4_000);
    expect(total.faults).toBeGreaterThanOrEqual(4);
  });

  it("stops at the first seed that fails, hands over its report and names it", async () => {
    const reports: string[] = [];
    const options = { from: 1, to: 9, nodes: 1, onFailure: (text: string) => reports.push(text) };
    const run = simulateSeeds(options, (cluster) => {
      if (cluster.seed >= 4) throw new Error("four");
    });
    await expect(run).rejects.toThrow("seed 4: four");
    expect(reports).toHaveLength(1);
    expect(reports[0]).toContain("repeat it with D_ENGINE_SEED=4");
  });

  it("prints the report when nobody else takes it", async () => {
    const print = vi.spyOn(console, "error").mockImplementation(() => undefined);
    try {
      const run = simulateSeeds({ from: 5, to: 5, nodes: 1 }, () => {
        throw new Error("five");
      });
      await expect(run).rejects.toBeInstanceOf(SimulationError);
      expect(print.mock.calls).toEqual([[expect.stringContaining("seed 5 failed: five")]]);
    } finally {
      print.mockRestore();
    }
  });

  it("notices a test that depends on more than its seed", async () => {
    let calls = 0;
    const run = simulateSeeds({ from: 1, to: 2, nodes: 1, onFailure: () => undefined }, (cluster) =>
      cluster.note(`call ${++calls}`),
    );
    await expect(run).rejects.toThrow(/^seed 1: run twice, it was not the same/);
  });
});

describe("forEachSeed", () => {
  it.each([
    ["17", [17]],
    ["4..6", [4, 5, 6]],
  ])("runs the seeds of D_ENGINE_SEED=%s instead of its own", async (text, expected) => {
    vi.stubEnv("D_ENGINE_SEED", text);
    const seeds = new Set<number>();
    await forEachSeed({ from: 1, to: 2 }, (seed) => {
      seeds.add(seed);
      return calm(seed);
    });
    expect([...seeds]).toEqual(expected);
  });

  it("refuses what is no range", async () => {
    await expect(forEachSeed({ from: 5, to: 4 }, calm)).rejects.toThrow("got 5 to 4");
    vi.stubEnv("D_ENGINE_SEED", "x");
    await expect(forEachSeed({ from: 1, to: 1 }, calm)).rejects.toThrow('got "x"');
  });
});
