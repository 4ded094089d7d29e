import { setTimeout as pause } from "node:timers/promises";
import { connect } from "@d-engine/client";
import { describe, expect, it } from "vitest";
import { TestCluster } from "./test-cluster.js";

describe("leadership under broken links", () => {
  it("a node cut off for long comes back without a change of leader (scenario 6)", async () => {
    await using test = await TestCluster.start();
    const { leader, followers } = test;
    const { term } = test.cluster;
    const away = followers[0]!;
    await test.cutBetween(
      [away],
      test.cluster.nodes.filter((node) => node !== away),
    );
    await pause(10 * test.electionTimeoutMs);
    await using client = await connect(test.addresses([leader]));
    await client.put("k", "while it was away");
    await test.heal();
    await test.expectNoElection(6);
    expect(test.cluster).toMatchObject({ leader, term });
    await using local = await connect(test.addresses([away]));
    expect(await local.getString("k", { consistency: "linearizable" })).toBe("while it was away");
  }, 180_000);

  it("a leader that hears nobody steps down, and the others elect (scenario 7)", async () => {
    await using test = await TestCluster.start();
    const deaf = test.leader;
    for (const node of test.followers) await test.network.block(node, deaf);
    const next = await test.cluster.nextLeader(10 * test.electionTimeoutMs);
    expect(next).toBeDefined();
    expect(next).not.toBe(deaf);
    await test.expectNoElection(6);
  }, 180_000);

  it("a follower that hears nobody disturbs nobody (scenario 8, L4)", async () => {
    await using test = await TestCluster.start();
    const { leader } = test;
    const deaf = test.followers[0]!;
    for (const node of test.cluster.nodes) {
      if (node !== deaf) await test.network.block(node, deaf);
    }
    await test.expectNoElection(8);
    await test.heal();
    await test.expectNoElection(6);
    expect(test.leader).toBe(leader);
  }, 180_000);

  it("an old leader that reaches one voter does not block the others (scenario 9)", async () => {
    await using test = await TestCluster.start(5);
    const old = test.leader;
    const [bridge, third, fourth, gone] = test.followers;
    await test.cluster.kill(gone!);
    await test.cutBetween([old], [third!, fourth!]);
    await test.until(
      "one of the connected quorum leads",
      () => [bridge, third, fourth].includes(test.cluster.leader),
      20 * test.electionTimeoutMs,
    );
    await using client = await connect(test.addresses([third!]));
    await client.put("k", "v", { timeoutMs: 10_000 });
  }, 180_000);

  it("two nodes that see only the third agree on a leader and keep it (scenario 10)", async () => {
    await using test = await TestCluster.start();
    const [middle, end] = test.followers;
    // The leader is one of the two ends: the other loses it, the middle hears both.
    await test.cutBetween([test.leader], [end!]);
    await pause(5 * test.electionTimeoutMs);
    await test.expectNoElection(6);
    await using client = await connect(test.addresses([middle!]));
    await client.put("k", "v", { timeoutMs: 10_000 });
    expect(await client.getString("k", { consistency: "linearizable" })).toBe("v");
  }, 180_000);
});
