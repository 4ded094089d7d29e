import { rmSync } from "node:fs";
import { connectLazily } from "@d-engine/client";
import { describe, expect, it } from "vitest";
import { TestCluster } from "./test-cluster.js";

/** Stops one follower and starts it again with an empty directory. */
async function replaceFollower(test: TestCluster, args: readonly string[]): Promise<number> {
  const node = test.followers[0]!;
  await test.until("every instance is recorded", () =>
    test.cluster.nodes.every((id) =>
      new RegExp(`recorded instance [0-9a-f]{32} of node ${id}\\b`).test(test.output),
    ),
  );
  await test.cluster.kill(node);
  rmSync(test.cluster.dataDir(node), { recursive: true });
  await test.cluster.start(node, args);
  return node;
}

describe("a node that is not the member it says", () => {
  it.each([
    {
      name: "whose data directory was wiped (scenario 35)",
      args: [],
      says: (node: number) =>
        new RegExp(`node ${node} is known as instance.*member remove ${node}.*then add it again`),
    },
    {
      name: "that belongs to another cluster (scenario 36)",
      args: ["--cluster-token", "another"],
      says: (node: number) =>
        new RegExp(`node ${node} belongs to cluster.*compare initial_cluster and cluster_token`),
    },
  ])(
    "$name is refused with the way out and never counted",
    async ({ args, says }) => {
      await using test = await TestCluster.start();
      const { leader } = test;
      await using client = connectLazily(test.addresses([leader]));
      await client.put("k", "before");
      const stranger = await replaceFollower(test, args);
      await test.until("it is refused", () => says(stranger).test(test.output));
      // With the third node gone, the stranger would be the second of a majority.
      const third = test.cluster.nodes.find((node) => node !== leader && node !== stranger)!;
      await test.cluster.kill(third);
      const term = test.cluster.term;
      const timeoutMs = 4 * test.electionTimeoutMs;
      await expect(client.put("k", "alone", { timeoutMs })).rejects.toMatchObject({
        name: "EngineError",
      });
      await expect(client.getLinearizable("k", { timeoutMs: 1_000 })).rejects.toMatchObject({
        code: expect.stringMatching(/CLUSTER_UNAVAILABLE|NOT_LEADER/),
      });
      expect(test.cluster.term).toBe(term);
      await test.cluster.start(third);
      await client.put("k", "after", { timeoutMs: 30_000 });
      expect(await client.getString("k", { consistency: "linearizable" })).toBe("after");
      expect(test.unexpected).toEqual([]);
    },
    120_000,
  );
});
