import { describe, expect, it } from "vitest";
import { parcelsOf } from "../testing/message-gate.js";
import { Script } from "../testing/script.js";

describe("votes under faults", () => {
  it.each(["process", "power"] as const)(
    "scenario 3: a voter whose %s ends before its vote is synced has voted for nobody else",
    async (how) => {
      const script = await Script.startCalm();
      const dead = await script.leader();
      const [first, voter] = script.others(dead);
      dead.crash("process");
      voter!.disk.slowness = 300;
      script.letCampaign(first!);
      const asked = script.gate.collect(parcelsOf("requestVote", { to: voter! }), {
        letPass: true,
      });
      await script.until("the first request", () => asked.parcels.length > 0);
      await script.advance(5);
      voter!.crash(how);
      voter!.disk.slowness = 1;
      expect(script.status(first!).role).toBe("candidate");
      const { term } = script.status(first!);
      script.separate([first!], script.others(first!));
      script.gate.clear();
      script.letCampaign(dead);
      dead.start();
      voter!.start();
      const again = script.gate.collect(parcelsOf("requestVote", { to: voter! }), {
        letPass: true,
      });
      await script.leader([dead]);
      expect(again.parcels.map(({ message }) => "term" in message && message.term)).toContain(term);
      await script.end();
    },
  );

  it("scenario 4: a voter that restarts before its answer left repeats the same vote", async () => {
    const script = await Script.startCalm();
    const dead = await script.leader();
    const [candidate, voter] = script.others(dead);
    dead.crash("process");
    const only = script.letCampaign(candidate!);
    const asked = script.gate.collect(parcelsOf("requestVote"), { letPass: true });
    const votes = script.gate.collect(parcelsOf("requestVoteResponse"), { letPass: false });
    await script.until("a vote", () => votes.parcels.length > 0);
    only();
    script.gate.drop(parcelsOf("preVote"));
    voter!.crash("power");
    voter!.start();
    // For that long it behaves as if it had just heard a leader (rule R3).
    await script.advance(3 * script.electionTimeoutMs);
    script.cluster.network.deliver(asked.parcels[0]!);
    await script.until("the vote again", () => votes.parcels.length > 1);
    const [before, again] = votes.parcels.map(({ message }) => message);
    expect(before).toMatchObject({ kind: "requestVoteResponse", granted: true });
    expect(again).toEqual(before);
    await script.end();
  });

  it("scenario 5: nodes that start at the same moment elect, a hundred times", async () => {
    const script = await Script.startCalm({
      voters: 4,
      network: { latencyMs: 80, jitterMs: 0.01, reorder: false },
      disk: { syncMs: 0.01, segmentBytes: 64 * 1024 },
    });
    for (let round = 0; round < 100; round += 1) {
      for (const node of script.cluster.nodes) node.crash("process");
      for (const node of script.cluster.nodes) node.start();
      const elected = () => script.cluster.leader?.kv?.driver.status().leaderReady === true;
      await script.until("a leader", elected, 12 * script.electionTimeoutMs);
    }
    await script.end();
  });

  it("scenario 11: a long log in an old term and a short one in a high term elect together", async () => {
    const script = await Script.startCalm({ voters: 5 });
    const leader = await script.leader();
    const [companion, ...rest] = script.others(leader);
    const [stray, ...lost] = rest;
    script.separate([leader, companion!], rest);
    script.put(leader, "x", "not committed", 60_000);
    // Elections that nobody wins, with the question before them answered by yes.
    const unheard = script.gate.drop(parcelsOf("requestVote"));
    await script.until("a high term", () => script.status(stray!).term >= 8, 120_000);
    for (const node of lost) node.crash("power");
    unheard();
    expect(script.status(stray!).term - script.status(leader).term).toBeGreaterThan(5);
    expect(script.status(stray!).last.index).toBeLessThan(script.status(leader).last.index);
    script.cluster.network.heal();
    const long = [leader, companion!];
    await script.until(
      "a leader with the long log",
      () => long.some((node) => node.kv?.driver.status().leaderReady === true),
      20 * script.electionTimeoutMs,
    );
    await script.end();
  });
});
