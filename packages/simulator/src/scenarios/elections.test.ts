import { describe, expect, it } from "vitest";
import { quietPlan, Script } from "../testing/script.js";

const hourMs = 3_600_000;

describe("elections under faults", () => {
  it("scenario 6: a node that was cut off for an hour comes back without a new term", async () => {
    const raft = { ...quietPlan.raft, electionTimeoutMs: 2_000, heartbeatIntervalMs: 600 };
    const script = await Script.startCalm({ raft });
    const leader = await script.leader();
    const [lost, other] = script.others(leader);
    script.separate([lost!], [leader, other!]);
    await script.advance(hourMs);
    const { term } = script.status(leader);
    script.cluster.network.heal();
    await script.until("following", () => script.status(lost!).leaderId === leader.id);
    await script.advance(10 * script.electionTimeoutMs);
    expect(script.status(leader)).toMatchObject({ role: "leader", term });
    await script.end();
  });

  it("scenario 7: a leader that hears nobody steps down, and the others elect", async () => {
    const script = await Script.start();
    const leader = await script.leader();
    script.deafen(leader);
    await script.until("stepping down", () => script.status(leader).role !== "leader", 2_000);
    const next = await script.leader(script.others(leader));
    expect(script.status(next).term).toBeGreaterThan(script.status(leader).term - 1);
    await script.end();
  });

  it("scenario 8: a follower that hears nothing makes no storm of terms", async () => {
    const script = await Script.start();
    const leader = await script.leader();
    const [deaf] = script.others(leader);
    const { term } = script.status(leader);
    script.deafen(deaf!);
    await script.advance(60 * script.electionTimeoutMs);
    expect(script.status(leader)).toMatchObject({ role: "leader", term });
    expect(script.status(deaf!).term).toBe(term);
    await script.end();
  });

  it("scenario 9: a quorum elects although the old leader still reaches one of it", async () => {
    const script = await Script.start({ voters: 5 });
    const leader = await script.leader();
    const [bridge, a, b, c] = script.others(leader);
    script.separate([leader], [a!, b!, c!]);
    const quorum = [bridge!, a!, b!, c!];
    const next = await script.leader(quorum);
    expect(script.status(next).term).toBeGreaterThan(script.status(leader).term - 1);
    await script.end();
  });

  it("scenario 10: of three in a row the leader becomes stable (Cloudflare 2020)", async () => {
    const script = await Script.start();
    const leader = await script.leader();
    const [middle, far] = script.others(leader);
    script.separate([leader], [far!]);
    await script.advance(20 * script.electionTimeoutMs);
    const stable = await script.leader();
    const { term } = script.status(stable);
    await script.advance(40 * script.electionTimeoutMs);
    expect(script.status(stable)).toMatchObject({ role: "leader", term });
    expect([leader, middle]).toContain(stable);
    await script.end();
  });

  it("scenario 12: a leader that stood still for long comes back as a follower", async () => {
    const script = await Script.start();
    const leader = await script.leader();
    leader.process?.pause(10 * script.electionTimeoutMs);
    const next = await script.leader(script.others(leader));
    await script.until(
      "following",
      () => leader.kv?.driver.status().leaderId === next.id,
      20 * script.electionTimeoutMs,
    );
    await script.end();
  });

  it("scenario 57: a sync of five seconds on the leader moves nothing but the writes", async () => {
    const script = await Script.start();
    const leader = await script.leader();
    const { term } = script.status(leader);
    leader.disk.slowness = 5_000;
    await script.advance(5_000);
    expect(script.status(leader)).toMatchObject({ role: "leader", term });
    await script.end();
  });

  it("scenario 57: a sync of five seconds on a majority deposes no healthy leader", async () => {
    const script = await Script.start();
    const leader = await script.leader();
    const { term } = script.status(leader);
    for (const node of script.others(leader)) node.disk.slowness = 5_000;
    await script.advance(20_000);
    expect(script.status(leader)).toMatchObject({ role: "leader", term });
    await script.end();
  });

  it.each([["crashed"], ["deaf"], ["mute"], ["isolated"]] as const)(
    "scenario 77: a healthy quorum makes progress while the rest is %s for good",
    async (how) => {
      const broken = [
        { id: 1, how },
        { id: 4, how },
      ];
      const script = await Script.start({ voters: 5, ending: { kind: "quorumOnly", broken } });
      await script.end();
    },
  );
});
