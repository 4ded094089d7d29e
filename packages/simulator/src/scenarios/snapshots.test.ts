import { describe, expect, it } from "vitest";
import type { SimulatedNode } from "../cluster/simulated-node.js";
import { parcelsOf } from "../testing/message-gate.js";
import { Script, snapshotPlan } from "../testing/script.js";

const count = (script: Script, name: string) => script.cluster.coverage.counts.get(name) ?? 0;

/** A leader whose log begins behind what this follower has, which does not run. */
async function leaderAhead(windowChunks = 1): Promise<{
  script: Script;
  leader: SimulatedNode;
  behind: SimulatedNode;
  other: SimulatedNode;
}> {
  const snapshots = { ...snapshotPlan.snapshots, snapshotWindowChunks: windowChunks };
  const script = await Script.startCalm({ ...snapshotPlan, snapshots });
  const leader = await script.leader();
  const [behind, other] = script.others(leader) as [SimulatedNode, SimulatedNode];
  behind.crash("process");
  const { last } = script.status(leader);
  for (let round = 0; round < 4; round += 1) await script.fill(leader, 50);
  await script.until("a purge", () => script.status(leader).base.index > last.index);
  return { script, leader, behind, other };
}

function caughtUp(script: Script, node: SimulatedNode, leader: SimulatedNode): () => boolean {
  return () => node.kv?.store.lastApplied === script.status(leader).last.index;
}

describe("snapshots under faults", () => {
  it("scenario 21: whoever needs a purged entry gets a snapshot, never a log with a gap", async () => {
    const { script, leader, behind } = await leaderAhead();
    const seen = script.gate.collect(parcelsOf("appendEntries", { to: behind }), { letPass: true });
    behind.start();
    await script.until("catching up", caughtUp(script, behind, leader));
    const gaps = seen.parcels.filter(({ message }) => {
      if (message.kind !== "appendEntries" || message.prev.index > 0) return false;
      return (message.entries[0]?.index ?? 1) > 1;
    });
    expect(gaps).toEqual([]);
    expect(count(script, "log reset")).toBe(1);
    await script.end();
  });

  it("scenario 23: a write ends whose entry was purged, or replaced by a snapshot", async () => {
    const script = await Script.startCalm(snapshotPlan);
    const leader = await script.leader();
    const others = script.others(leader);
    await script.fill(leader, 200);
    script.separate([leader], others);
    const lost = Array.from({ length: 5 }, (_, i) => script.put(leader, "lost", `${i}`, 60_000));
    const next = await script.leader(others);
    for (let round = 0; round < 4; round += 1) await script.fill(next, 50);
    script.cluster.network.heal();
    await script.until("the ends", () => lost.every(({ status }) => status !== "pending"));
    expect(count(script, "log reset")).toBe(1);
    expect(new Set(lost.map(({ status }) => status))).toEqual(new Set(["OUTCOME_UNKNOWN unknown"]));
    await script.end();
  });

  it("scenario 43: a crash at any chunk leaves the old state or the new one", async () => {
    const { script, leader, behind } = await leaderAhead();
    for (let crashAt = 1; crashAt <= 8; crashAt += 1) {
      const seen = script.gate.collect(parcelsOf("installSnapshot", { to: behind }), {
        letPass: true,
      });
      behind.start();
      await script.until("a chunk", () => seen.parcels.length >= 1 + (crashAt % 4));
      await script.advance(crashAt % 3);
      // What was received is kept by a node that closes in order, and by one whose disk had it.
      if (crashAt % 3 === 0) behind.shutDown();
      else behind.crash(crashAt % 3 === 1 ? "power" : "process");
      await script.until("its end", () => behind.process === undefined);
      seen.stop();
      await script.fill(leader, 3);
    }
    behind.start();
    await script.until("catching up", caughtUp(script, behind, leader));
    expect(count(script, "snapshot resumed")).toBeGreaterThan(0);
    await script.end();
  });

  it("scenario 44: an old snapshot that comes again takes nothing away", async () => {
    const { script, leader, behind } = await leaderAhead();
    const old = script.gate.collect(parcelsOf("installSnapshot", { to: behind }), {
      letPass: true,
    });
    behind.start();
    await script.until("catching up", caughtUp(script, behind, leader));
    await script.fill(leader, 10);
    await script.until("the newer entries", caughtUp(script, behind, leader));
    const { last } = script.status(behind);
    old.release();
    await script.advance(script.electionTimeoutMs);
    expect(script.status(behind).last).toEqual(last);
    expect(count(script, "log reset")).toBe(1);
    await script.end();
  });

  it("scenario 45: a transfer goes on under another leader, and a second one follows", async () => {
    const { script, leader, behind, other } = await leaderAhead();
    const seen = script.gate.collect(parcelsOf("installSnapshot", { to: behind }), {
      letPass: true,
    });
    behind.start();
    await script.until("some chunks", () => seen.parcels.length >= 4);
    const transfer = script.transfer(leader, other);
    await script.until("the other leader", () => transfer.status !== "pending");
    const next = await script.leader();
    await script.until("catching up", caughtUp(script, behind, next));
    behind.crash("power");
    for (let round = 0; round < 4; round += 1) await script.fill(next, 50);
    behind.start();
    await script.until("catching up again", caughtUp(script, behind, next));
    await script.end();
  });

  it("scenario 46: chunks that are damaged, lost or doubled are sent again", async () => {
    // Three of five windows are for nothing, and each of those costs an election timeout or more.
    const { script, leader, behind } = await leaderAhead(8);
    const { faults } = script.cluster.network;
    Object.assign(faults, { damageRate: 0.4, lossRate: 0.2, duplicateRate: 0.4 });
    behind.start();
    await script.until("catching up", caughtUp(script, behind, leader), 60_000);
    expect(behind.driver?.metrics().snapshotChunksDamaged).toBeGreaterThan(0);
    await script.end();
  });

  it("scenario 47: a snapshot of all there is, with nothing behind it, is enough to start", async () => {
    const { script, leader, behind } = await leaderAhead();
    behind.start();
    await script.until("catching up", caughtUp(script, behind, leader));
    const saved = script.tell(async () => String((await behind.driver!.saveSnapshot()).bytes));
    await script.until("the snapshot", () => saved.status !== "pending");
    expect(saved.status).toBe("ok");
    const { last } = script.status(behind);
    script.separate([behind], script.others(behind));
    behind.crash("power");
    behind.start();
    await script.until("recovery", () => behind.kv !== undefined);
    expect(script.status(behind)).toMatchObject({ last, appliedIndex: last.index });
    script.cluster.network.heal();
    await script.end();
  });

  it("scenario 48: a snapshot that came before its reset did is laid over the log", async () => {
    const { script, leader, behind } = await leaderAhead();
    const { index, term } = script.status(leader).base;
    const isAhead = () =>
      behind.mirror.survives(index, term) && !behind.mirror.durable.holds(index, term);
    behind.start();
    await script.until("a snapshot ahead of the log", isAhead);
    behind.crash("power");
    script.separate([behind], script.others(behind));
    behind.start();
    await script.until("recovery", () => behind.kv !== undefined);
    expect(script.status(behind).appliedIndex).toBeGreaterThanOrEqual(index);
    expect(count(script, "log reset at start")).toBe(1);
    script.cluster.network.heal();
    await script.end();
  });

  it("scenario 48: entries that a snapshot replaced do not return at a start", async () => {
    const script = await Script.startCalm(snapshotPlan);
    const leader = await script.leader();
    const others = script.others(leader);
    script.separate([leader], others);
    for (let i = 0; i < 300; i += 1) script.put(leader, "lost", `${i}`, 60_000);
    const next = await script.leader(others);
    for (let round = 0; round < 4; round += 1) await script.fill(next, 50);
    script.cluster.network.heal();
    await script.until("catching up", caughtUp(script, leader, next));
    for (const how of ["power", "process"] as const) {
      script.separate([leader], others);
      const { last } = script.status(leader);
      leader.crash(how);
      leader.start();
      await script.until("recovery", () => leader.kv !== undefined);
      expect(script.status(leader).last).toEqual(last);
      script.cluster.network.heal();
    }
    const read = script.get(leader, "lost", "eventual");
    await script.until("the read", () => read.status !== "pending");
    expect(read).toEqual({ status: "ok", value: undefined });
    await script.end();
  });
});
