/**
 * Does the lock keep two workers apart, whatever the network and the nodes do meanwhile?
 *
 *     npx vitest run examples/simulated-test
 *
 * For `NaiveLock` the answer is no. The simulation finds a schedule in which it fails, and the
 * report says which: a `delete` whose answer is lost is sent again, and by then the lock belongs
 * to somebody else. `D_ENGINE_SEED=<the seed it names>` repeats exactly that.
 */
import { type SimulatedTest, SimulationError, simulateSeeds } from "@d-engine/testing";
import { describe, expect, it } from "vitest";
import { CarefulLock } from "./careful-lock.js";
import { NaiveLock } from "./naive-lock.js";

const faults = ["messageLoss", "crash", "pause"] as const;

/** Three workers take turns; each looks whether it is alone. */
function exclusive(Lock: typeof NaiveLock | typeof CarefulLock): SimulatedTest {
  return async (cluster) => {
    const inside = new Set<string>();
    const work = async (name: string): Promise<void> => {
      const lock = new Lock(cluster.client({ timeoutMs: 2_000 }), cluster.clock, name);
      for (let turn = 0; turn < 5; turn += 1) {
        await lock.acquire();
        cluster.note(`${name} has the lock`);
        inside.add(name);
        expect([...inside], "who has the lock").toEqual([name]);
        await cluster.advance(cluster.random.uniform(50, 500));
        inside.delete(name);
        await lock.release();
      }
    };
    await Promise.all(["ann", "bob", "eve"].map(work));
  };
}

describe("a lock under faults", () => {
  it("is not what NaiveLock is: two have it at once, within a hundred seeds", async () => {
    const reports: string[] = [];
    const run = simulateSeeds(
      { from: 1, to: 100, faults, onFailure: (report) => reports.push(report) },
      exclusive(NaiveLock),
    );
    const error: unknown = await run.then(
      () => undefined,
      (thrown: unknown) => thrown,
    );
    expect(error).toBeInstanceOf(SimulationError);
    expect(String(error)).toMatch(/^SimulationError: seed \d+: who has the lock/);
    expect(reports.join()).toContain("has the lock");
  });

  it("is what CarefulLock is", async () => {
    const { seeds, faults: struck } = await simulateSeeds(
      { from: 1, to: 10, faults },
      exclusive(CarefulLock),
    );
    expect(seeds).toBe(10);
    expect(struck).toBeGreaterThan(10);
  });
});
