import { isEngineError } from "@d-engine/core";
import { describe, expect, it } from "vitest";
import { FAULT_CLASSES } from "./faults/fault-class.js";
import { type SimulatedTest, simulate } from "./simulate.js";
import type { SimulatedCluster } from "./simulated-cluster.js";
import { SimulationError } from "./simulation-error.js";

/** Writes for a while, as a program does that lives with failures. */
const writeForAWhile: SimulatedTest = async (cluster) => {
  const client = cluster.client({ timeoutMs: 500 });
  for (let i = 0; i < 40; i += 1) {
    try {
      await client.put(`k${cluster.random.between(1, 3)}`, String(i));
    } catch (error) {
      if (!isEngineError(error)) throw error;
    }
    await cluster.advance(cluster.random.uniform(50, 300));
  }
};

const failureOf = async (promise: Promise<unknown>): Promise<SimulationError> => {
  const error = await promise.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  expect(error).toBeInstanceOf(SimulationError);
  return error as SimulationError;
};

describe("simulate", () => {
  it("keeps an acknowledged write over a crash of the leader", async () => {
    const result = await simulate({ seed: 42 }, async (cluster) => {
      const client = cluster.client();
      await client.put("a", "1");
      const before = await cluster.crash("leader");
      await cluster.advance(5_000);
      expect(await client.getString("a")).toBe("1");
      expect(cluster.leader).not.toBe(before);
      expect(cluster.nodes[before - 1]).toMatchObject({ running: false, role: undefined });
    });
    expect(result.faults.crash).toBe(1);
    expect(result.virtualMs).toBeGreaterThan(5_000);
  });

  it("does the same every time for the same seed, and another thing for another", async () => {
    const run = (seed: number) => simulate({ seed, faults: "all" }, writeForAWhile);
    const [first, again, other] = [await run(7), await run(7), await run(8)];
    expect(again).toEqual(first);
    expect(other.hash).not.toBe(first.hash);
  });

  it.each(FAULT_CLASSES)("lets %s strike when it is asked for, and nothing else", async (name) => {
    const { faults } = await simulate({ seed: 3, faults: [name] }, writeForAWhile);
    expect(Object.entries(faults).filter(([, count]) => count > 0)).toEqual([
      [name, expect.any(Number)],
    ]);
  });

  it("loses messages, cuts links and repeats messages when such faults strike", async () => {
    const faults = ["messageLoss", "partition", "messageDuplication"] as const;
    const total = { lost: 0, cut: 0, duplicated: 0 };
    for (const seed of [5, 6, 7]) {
      const { messages } = await simulate({ seed, faults }, writeForAWhile);
      total.lost += messages.lost;
      total.cut += messages.cut;
      total.duplicated += messages.duplicated;
    }
    expect(total.lost).toBeGreaterThan(0);
    expect(total.cut).toBeGreaterThan(0);
    expect(total.duplicated).toBeGreaterThan(0);
    const quiet = await simulate({ seed: 5 }, writeForAWhile);
    expect(quiet.messages).toMatchObject({ lost: 0, cut: 0, duplicated: 0 });
  });

  it("names the seed when the test throws, and keeps what it threw", async () => {
    const thrown = new Error("the balance is 3");
    const error = await failureOf(
      simulate({ seed: 99 }, async (cluster) => {
        await cluster.client().put("a", "1");
        throw thrown;
      }),
    );
    expect(error.message).toBe("seed 99: the balance is 3");
    expect(error.cause).toBe(thrown);
    expect(error.report).toContain("D_ENGINE_SEED=99");
    expect(error.report).toContain("client 1 write answered");
  });

  it("fails when a callback throws, as a process would", async () => {
    const error = await failureOf(
      simulate({ seed: 6 }, async ({ clock }) => {
        clock.setTimer(10, () => {
          throw new RangeError("too late");
        });
        await clock.sleep(1_000);
      }),
    );
    expect(error.message).toBe("seed 6: too late");
    expect(error.cause).toBeInstanceOf(RangeError);
  });

  it("fails a test that waits for real time, and says so", async () => {
    const never = new Promise(() => undefined);
    const error = await failureOf(simulate({ seed: 1, virtualMsMax: 2_000 }, () => never));
    expect(error.message).toContain("2000 ms of virtual time have not brought the end of the test");
    expect(error.message).toContain("timers and I/O of Node.js are not simulated");
  });

  it("fails a test that never rests", async () => {
    const error = await failureOf(
      simulate({ seed: 1, eventsMax: 20_000 }, async (cluster) => {
        for (;;) await cluster.advance(0);
      }),
    );
    expect(error.message).toContain("20000 simulated events (eventsMax)");
  });

  it("fails a test that waits while nothing is left to happen", async () => {
    const error = await failureOf(
      simulate({ seed: 1, nodes: 1 }, async (cluster) => {
        await cluster.crash(1);
        await new Promise(() => undefined);
      }),
    );
    expect(error.message).toContain("nothing is left to happen");
  });

  it("refuses options that cannot be used, all at once", async () => {
    const options = { seed: -1, nodes: 9, faults: ["gremlins" as never] };
    await expect(simulate(options, () => undefined)).rejects.toMatchObject({
      code: "INVALID_REQUEST",
      message: expect.stringMatching(/seed must be.*nodes must be.*fault "gremlins" is none of/),
    });
  });
});

describe("SimulatedCluster", () => {
  const run = (test: (cluster: SimulatedCluster) => unknown) => simulate({ seed: 12 }, test);

  it("cuts a client off together with the node that it runs beside", async () => {
    await run(async (cluster) => {
      const beside = cluster.client({ at: 1, timeoutMs: 2_000 });
      const elsewhere = cluster.client();
      await beside.put("a", "1");
      await cluster.isolate(1);
      await cluster.until(() => cluster.leader !== undefined && cluster.leader !== 1);
      await expect(beside.get("a", { consistency: "linearizable" })).rejects.toThrow();
      expect(await elsewhere.getString("a")).toBe("1");
      cluster.heal();
      expect(await beside.getString("a", { timeoutMs: 10_000 })).toBe("1");
    });
  });

  it("says OUTCOME_UNKNOWN of a write whose node is killed while it is under way", async () => {
    await run(async (cluster) => {
      const client = cluster.client({ timeoutMs: 1_000 });
      await client.put("warm", "up");
      cluster.partition([cluster.leader!]);
      const write = client.put("a", "1");
      await expect(write).rejects.toMatchObject({ code: "OUTCOME_UNKNOWN", outcome: "unknown" });
    });
  });

  it("keeps what was acknowledged when every node loses its power at once", async () => {
    await run(async (cluster) => {
      const client = cluster.client();
      await client.put("a", "1");
      for (const { id } of cluster.nodes) await cluster.crash(id, "power");
      await expect(client.put("b", "2")).rejects.toThrow();
      for (const { id } of cluster.nodes) cluster.restart(id);
      await cluster.until(() => cluster.leader !== undefined);
      expect(await client.getString("a")).toBe("1");
    });
  });

  it("lets nothing strike any more after heal", async () => {
    await simulate({ seed: 4, faults: ["crash", "partition"] }, async (cluster) => {
      await cluster.advance(20_000);
      cluster.heal();
      const { crash, partition } = cluster.faults;
      expect(crash).toBeGreaterThan(0);
      await cluster.advance(60_000);
      expect(cluster.faults).toMatchObject({ crash, partition });
      expect(cluster.nodes.every(({ running }) => running)).toBe(true);
    });
  });

  it("strikes with a fault of the test's choice", async () => {
    const { faults } = await run(async (cluster) => {
      cluster.inject({ kind: "slowDisk", target: 0, factor: 20, durationMs: 1_000 });
      await cluster.client().put("a", "1");
    });
    expect(faults.slowDisk).toBe(1);
  });

  it("refuses nodes that do not exist", async () => {
    await run(async (cluster) => {
      await expect(cluster.crash(4)).rejects.toThrow("there is no node 4: 1 to 3");
      expect(() => cluster.client({ at: 9 })).toThrow("there is no node 9");
    });
  });
});

describe("SimulatedClock", () => {
  it("sleeps in virtual time, and wakes when its signal aborts", async () => {
    await simulate({ seed: 1 }, async ({ clock }) => {
      const startMs = clock.nowMs();
      await clock.sleep(3_600);
      expect(clock.nowMs() - startMs).toBeCloseTo(3_600, 6);
      expect(clock.wallMs() - clock.nowMs()).toBe(1_700_000_000_000);
      const sleep = clock.sleep(3_600, clock.abortAfter(100));
      await expect(sleep).rejects.toMatchObject({ name: "TimeoutError" });
      expect(clock.nowMs() - startMs).toBeCloseTo(3_700, 6);
    });
  });

  it("does not call back a timer that was cancelled", async () => {
    await simulate({ seed: 1 }, async ({ clock }) => {
      const called: string[] = [];
      clock.setTimer(10, () => called.push("cancelled")).cancel();
      clock.setTimer(10, () => called.push("timer"));
      clock.defer(() => called.push("deferred"));
      await clock.sleep(20);
      expect(called).toEqual(["deferred", "timer"]);
    });
  });
});
