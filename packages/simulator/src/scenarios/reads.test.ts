import { describe, expect, it } from "vitest";
import { parcelsOf } from "../testing/message-gate.js";
import { Script } from "../testing/script.js";

describe("reads under faults", () => {
  it.each(["lease", "linearizable"] as const)(
    "scenario 38: a leader that was paused beyond its lease answers no stale %s read",
    async (consistency) => {
      const script = await Script.start();
      const leader = await script.leader();
      const before = script.put(leader, "x", "before");
      await script.until("the first write", () => before.status === "ok");
      leader.process?.pause(6 * script.electionTimeoutMs);
      const next = await script.leader(script.others(leader));
      const after = script.put(next, "x", "after");
      await script.until("the second write", () => after.status === "ok");
      const reads = Array.from({ length: 5 }, () => script.get(leader, "x", consistency));
      await script.until("all answers", () => reads.every(({ status }) => status !== "pending"));
      for (const { status, value } of reads) if (status === "ok") expect(value).toBe("after");
      await script.end();
    },
  );

  it("scenario 38: an isolated leader answers no read once another may lead", async () => {
    const script = await Script.start();
    const leader = await script.leader();
    const before = script.put(leader, "x", "before");
    await script.until("the first write", () => before.status === "ok");
    const others = script.others(leader);
    script.separate([leader], others);
    const next = await script.leader(others);
    const after = script.put(next, "x", "after");
    await script.until("the second write", () => after.status === "ok");
    const reads = [script.get(leader, "x", "lease"), script.get(leader, "x", "linearizable")];
    await script.until("all answers", () => reads.every(({ status }) => status !== "pending"));
    expect(reads.map(({ status }) => status)).not.toContain("ok");
    await script.end();
  });

  it("scenario 37: a new leader answers no read before an entry of its own term is committed", async () => {
    const script = await Script.startCalm();
    const dead = await script.leader();
    const [leader] = script.others(dead);
    const write = script.put(dead, "x", "acknowledged");
    await script.until("the write", () => write.status === "ok");
    dead.crash("process");
    script.letCampaign(leader!);
    // It knows neither of the last commit nor of any of its own.
    const matched = script.gate.drop(
      ({ to, message }) =>
        to === leader!.id &&
        message.kind === "appendEntriesResponse" &&
        message.result.kind === "success" &&
        message.result.lastMatch.term === message.term,
    );
    await script.until("leading", () => script.status(leader!).role === "leader");
    const read = script.get(leader!, "x", "linearizable");
    await script.advance(script.electionTimeoutMs / 2);
    expect(read.status).toBe("pending");
    matched();
    await script.until("the read", () => read.status !== "pending");
    expect(read).toEqual({ status: "ok", value: "acknowledged" });
    await script.end();
  });

  it("scenario 39: the answer to a question of an earlier run of the node answers no later one", async () => {
    const script = await Script.startCalm();
    const leader = await script.leader();
    const [follower] = script.others(leader);
    const before = script.put(leader, "x", "before");
    await script.until("the first write", () => before.status === "ok");
    const answers = script.gate.collect(parcelsOf("readIndexResponse"), { letPass: false });
    script.get(follower!, "x", "linearizable");
    await script.until("an answer", () => answers.parcels.length > 0);
    follower!.crash("process");
    follower!.start();
    const follows = () => follower!.kv?.driver.status().leaderId === leader.id;
    await script.until("following", follows);
    // From here on it hears that the leader leads, and of nothing new.
    const entries = parcelsOf("appendEntries", { to: follower! });
    script.gate.drop(
      (parcel) =>
        entries(parcel) && "entries" in parcel.message && parcel.message.entries.length > 0,
    );
    const after = script.put(leader, "x", "after");
    await script.until("the second write", () => after.status === "ok");
    script.gate.drop(parcelsOf("readIndex"));
    const read = script.get(follower!, "x", "linearizable");
    await script.advance(5);
    answers.release();
    await script.until("the end of the read", () => read.status !== "pending");
    expect(read).toEqual({ status: "CLUSTER_UNAVAILABLE rejected" });
    await script.end();
  });

  it("scenario 40: a follower's read waits until the leader's index is applied there", async () => {
    const script = await Script.start({ learners: 1 });
    const leader = await script.leader();
    const learner = script.node(4);
    const write = script.put(leader, "x", "new");
    await script.until("the write", () => write.status === "ok");
    const read = script.get(learner, "x", "linearizable");
    await script.until("the read", () => read.status !== "pending");
    expect(read).toEqual({ status: "ok", value: "new" });
    await script.end();
  });

  it.each([3_600_000, -3_600_000, 86_400_000])(
    "scenario 41: a wall clock that jumps by %i ms changes no answer",
    async (byMs) => {
      const script = await Script.start();
      const leader = await script.leader();
      const { term } = script.status(leader);
      leader.clock.wallOffsetMs += byMs;
      await script.advance(script.electionTimeoutMs / 2);
      for (const node of script.others(leader)) node.clock.wallOffsetMs -= byMs;
      await script.advance(5 * script.electionTimeoutMs);
      expect(script.status(leader)).toMatchObject({ role: "leader", term });
      await script.end();
    },
  );

  it("scenario 42: leases are safe with clocks 8 % apart", async () => {
    const script = await Script.start();
    const leader = await script.leader();
    leader.clock.rate = 0.96;
    for (const node of script.others(leader)) node.clock.rate = 1.04;
    for (let round = 0; round < 5; round += 1) {
      const present = await script.leader();
      script.separate([present], script.others(present));
      const next = await script.leader(script.others(present));
      const write = script.put(next, "x", `round ${round}`);
      await script.until("the write", () => write.status === "ok");
      const read = script.get(present, "x", "lease", 200);
      await script.until("the read", () => read.status !== "pending");
      if (read.status === "ok") expect(read.value).toBe(`round ${round}`);
      script.cluster.network.heal();
      await script.advance(3 * script.electionTimeoutMs);
    }
    await script.end();
  });
});
