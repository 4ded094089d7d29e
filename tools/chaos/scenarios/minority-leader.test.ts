import { setTimeout as pause } from "node:timers/promises";
import { type Consistency, connect, connectLazily, type EngineClient } from "@d-engine/client";
import { EngineError, isEngineError } from "@d-engine/core";
import { describe, expect, it } from "vitest";
import { TestCluster } from "./test-cluster.js";

const strongLevels = ["linearizable", "lease"] as const satisfies readonly Consistency[];

/** One read that knows this node only and does not wait for a better time. */
async function readOnce(
  client: EngineClient,
  consistency: Consistency,
  timeoutMs: number,
): Promise<string | undefined | EngineError> {
  try {
    return await client.getString("k", { consistency, timeoutMs });
  } catch (error) {
    if (isEngineError(error)) return error;
    throw error;
  }
}

/** Tries until it is acknowledged: what was sent to the old leader has no end in time. */
async function putInTheEnd(client: EngineClient, timeoutMs: number): Promise<void> {
  for (;;) {
    try {
      await client.put("k", "after", { timeoutMs });
      return;
    } catch (error) {
      if (!isEngineError(error)) throw error;
    }
  }
}

describe("a leader that lost its majority", () => {
  it("whose followers are stopped answers no strong read after its lease (scenarios 38, 60)", async () => {
    await using test = await TestCluster.start();
    const { electionTimeoutMs } = test;
    await using client = connectLazily(test.addresses([test.leader]));
    await client.put("k", "before");
    for (const level of strongLevels) expect(await readOnce(client, level, 5_000)).toBe("before");
    const stopped = test.followers.map((node) => test.cluster.process(node)!);
    for (const process of stopped) process.signal("SIGSTOP");
    // Longer than any lease that was granted before.
    await pause(electionTimeoutMs);
    for (const level of strongLevels) {
      const startedMs = performance.now();
      const answer = await readOnce(client, level, 2 * electionTimeoutMs);
      expect(answer).toBeInstanceOf(EngineError);
      expect(performance.now() - startedMs).toBeLessThan(3 * electionTimeoutMs);
    }
    expect(await readOnce(client, "eventual", 5_000)).toBe("before");
    for (const process of stopped) process.signal("SIGCONT");
    await client.put("k", "after", { timeoutMs: 20_000 });
    expect(test.unexpected).toEqual([]);
  }, 180_000);

  it("that is cut off never shows an older value than was acknowledged elsewhere (I10)", async () => {
    await using test = await TestCluster.start();
    const old = test.leader;
    await using everywhere = await connect(test.addresses());
    await everywhere.put("k", "before");
    await test.cutBetween([old], test.followers);
    const isolatedMs = performance.now();
    await using beside = connectLazily(test.addresses([old]));
    let acknowledgedMs = Number.POSITIVE_INFINITY;
    const write = putInTheEnd(everywhere, 2 * test.electionTimeoutMs).then(() => {
      acknowledgedMs = performance.now();
    });
    let last = 0;
    while (performance.now() < Math.min(acknowledgedMs, isolatedMs + 40_000) + 1_000) {
      const level = strongLevels[last++ % 2]!;
      const calledMs = performance.now();
      const answer = await readOnce(beside, level, 100);
      if (answer instanceof EngineError) continue;
      expect(calledMs, `${level} read of "${answer}"`).toBeLessThan(acknowledgedMs);
      // The lease began before the cut.
      expect(calledMs - isolatedMs).toBeLessThan(test.electionTimeoutMs);
    }
    await write;
    expect(acknowledgedMs).toBeLessThan(Number.POSITIVE_INFINITY);
    expect(test.unexpected).toEqual([]);
  }, 180_000);

  it("is left by its clients within their deadline (scenario 63)", async () => {
    await using test = await TestCluster.start();
    const old = test.leader;
    await using client = await connect(test.addresses([old]));
    await client.put("k", "before");
    await test.cutBetween([old], test.followers);
    // Until it notices, and the others have elected, the outcome may be unknown; then all is well.
    await test.cluster.nextLeader(30 * test.electionTimeoutMs);
    const timeoutMs = 8 * test.electionTimeoutMs;
    const startedMs = performance.now();
    expect(await readOnce(client, "linearizable", timeoutMs)).toBe("before");
    await client.put("k", "after", { timeoutMs });
    expect(performance.now() - startedMs).toBeLessThan(2 * timeoutMs);
    expect(await readOnce(client, "lease", timeoutMs)).toBe("after");
    expect(test.unexpected).toEqual([]);
  }, 180_000);

  it("says that it cannot serve to a client that knows nobody else (scenario 63)", async () => {
    await using test = await TestCluster.start();
    await using client = connectLazily(test.addresses([test.leader]));
    await client.put("k", "before");
    await test.cutBetween([test.leader], test.followers);
    await pause(2 * test.electionTimeoutMs);
    const timeoutMs = 2 * test.electionTimeoutMs;
    const startedMs = performance.now();
    const failure = await client.put("k", "after", { timeoutMs }).catch((error: unknown) => error);
    expect(performance.now() - startedMs).toBeLessThan(timeoutMs + 1_000);
    expect(failure).toMatchObject({ outcome: "rejected" });
    expect(["CLUSTER_UNAVAILABLE", "NOT_LEADER"]).toContain((failure as EngineError).code);
  }, 180_000);
});
