import { describe, expect, it } from "vitest";
import { Script, type Told } from "../testing/script.js";

describe("durability under faults", () => {
  it.each(["process", "power"] as const)(
    "scenario 50: nothing acknowledged is lost when every %s ends at once, again and again",
    async (how) => {
      const script = await Script.start({ disk: { syncMs: 5, segmentBytes: 8 * 1024 } });
      for (let round = 0; round < 20; round += 1) {
        const leader = await script.leader();
        const write = script.put(leader, "round", String(round));
        await script.until("the write", () => write.status === "ok");
        await script.advance(17 * (round % 5));
        for (const node of script.cluster.nodes) node.crash(how);
        for (const node of script.cluster.nodes) node.start();
        const next = await script.leader();
        const read = script.get(next, "round", "linearizable");
        await script.until("the read", () => read.status !== "pending");
        expect(read).toEqual({ status: "ok", value: String(round) });
      }
      await script.end();
    },
  );

  it("scenario 52: a tail that a crash tore is cut, and nothing acknowledged goes with it", async () => {
    const script = await Script.start({ disk: { syncMs: 5, segmentBytes: 64 * 1024 } });
    const torn = () => script.cluster.coverage.counts.get("torn tail cut") ?? 0;
    for (let round = 0; round < 40 && torn() === 0; round += 1) {
      const leader = await script.leader();
      script.put(leader, "x", "of several sectors ".repeat(100));
      await script.advance(2);
      leader.crash("process");
      leader.start();
      await script.until("recovery", () => leader.kv !== undefined);
    }
    expect(torn()).toBeGreaterThan(0);
    await script.end();
  });

  it("scenario 19: a commit does not wait for the leader's own slow disk", async () => {
    const script = await Script.start();
    const leader = await script.leader();
    leader.disk.slowness = 1_000;
    const write = script.put(leader, "x", "1");
    await script.until("the write", () => write.status === "ok", 400);
    const { durableIndex, commitIndex } = script.status(leader);
    expect(durableIndex).toBeLessThan(commitIndex);
    await script.end();
  });

  it("scenario 20: an uncommitted suffix gives way, and its writer is told the truth", async () => {
    const script = await Script.start();
    const leader = await script.leader();
    const others = script.others(leader);
    script.separate([leader], others);
    const lost = Array.from({ length: 30 }, (_, i) => script.put(leader, "x", `lost ${i}`, 60_000));
    const next = await script.leader(others);
    const kept = script.put(next, "x", "kept");
    await script.until("the write", () => kept.status === "ok");
    const { last } = script.status(leader);
    script.cluster.network.heal();
    await script.until("the end of the lost writes", () => lost.every(ended));
    expect(lost.every(({ status }) => status === "PROPOSE_FAILED rejected")).toBe(true);
    expect(script.status(leader).last.term).toBeGreaterThan(last.term);
    await script.end();
  });

  it("scenario 24: each of 2,000 proposals at the moment of deposition ends", async () => {
    const script = await Script.start();
    const leader = await script.leader();
    const calls: Told[] = [];
    for (let i = 0; i < 2_000; i += 1) {
      calls.push(script.put(leader, `key ${i % 7}`, `value ${i}`));
      if (i === 1_000) {
        await script.advance(0.7);
        script.separate([leader], script.others(leader));
      }
    }
    await script.until("every answer", () => calls.every(ended), 10_000);
    const told = new Set(calls.map(({ status }) => status));
    expect([...told].filter((status) => !/^ok$|unknown$|rejected$/.test(status))).toEqual([]);
    await script.end();
  });

  it("scenario 22: a follower that restarts while its window is full catches up", async () => {
    const script = await Script.start();
    const leader = await script.leader();
    const [follower] = script.others(leader);
    script.cluster.network.slow(leader.id, follower!.id, 100);
    for (let i = 0; i < 200; i += 1) script.put(leader, "x", `${i}`);
    await script.advance(50);
    follower!.crash("power");
    await script.advance(100);
    script.cluster.network.slow(leader.id, follower!.id, 1);
    follower!.start();
    const caughtUp = () => follower!.kv?.store.lastApplied === script.status(leader).commitIndex;
    await script.until("catching up", caughtUp, 10 * script.electionTimeoutMs);
    await script.end();
  });

  it("scenario 55: a node whose sync fails stops, and the cluster goes on", async () => {
    const script = await Script.start();
    const leader = await script.leader();
    leader.disk.failNext();
    const write = script.put(leader, "x", "1");
    await script.until("the node's end", () => leader.process === undefined, 5_000);
    expect(write.status).not.toBe("ok");
    const next = await script.leader(script.others(leader));
    const again = script.put(next, "x", "2");
    await script.until("another write", () => again.status === "ok");
    await script.end();
  });

  it("scenario 56: a full disk refuses writes, serves reads, and heals by itself", async () => {
    const script = await Script.start({ voters: 1, disk: { syncMs: 1, segmentBytes: 8 * 1024 } });
    const leader = await script.leader();
    leader.disk.limitRoom(0);
    let last: Told = { status: "ok" };
    for (let i = 0; i < 2_000 && last.status === "ok"; i += 1) {
      last = script.put(leader, "x", `${i}`);
      await script.until("an answer", () => ended(last));
    }
    expect(last.status).toBe("DISK_FULL rejected");
    const read = script.get(leader, "x", "linearizable");
    await script.until("the read", () => ended(read));
    expect(read.status).toBe("ok");
    leader.disk.limitRoom(Number.POSITIVE_INFINITY);
    await script.advance(10_000);
    const write = script.put(leader, "x", "again");
    await script.until("a write", () => ended(write));
    expect(write.status).toBe("ok");
    await script.end();
  });
});

function ended({ status }: Told): boolean {
  return status !== "pending";
}
