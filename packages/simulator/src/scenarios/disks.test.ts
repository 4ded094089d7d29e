import { describe, expect, it } from "vitest";
import { Prng } from "../prng.js";
import { Script, type Told } from "../testing/script.js";

const ended = ({ status }: Told) => status !== "pending";
const smallSegments = { syncMs: 2, segmentBytes: 8 * 1024 };

describe("disks under faults", () => {
  it("scenario 51: a power loss in the middle of many writes takes nothing that was acknowledged", async () => {
    const script = await Script.startCalm({ disk: { syncMs: 3, segmentBytes: 16 * 1024 } });
    const random = new Prng(51);
    const acknowledged = new Map<string, string>();
    for (let round = 0; round < 25; round += 1) {
      const leader = await script.leader();
      const calls: [string, string, Told][] = [];
      for (let i = 0; i < 12; i += 1) {
        const key = `key ${random.between(1, 200)}.${round}`;
        const value = `${round}.${i} `.repeat(random.between(1, 400));
        calls.push([key, value, script.put(leader, key, value)]);
        await script.advance(random.uniform(0, 3));
      }
      for (const node of script.cluster.nodes) node.crash("power");
      for (const [key, value, { status }] of calls)
        if (status === "ok") acknowledged.set(key, value);
      for (const node of script.cluster.nodes) node.start();
      const next = await script.leader();
      for (const [key, value] of acknowledged) {
        const read = script.get(next, key, "linearizable");
        await script.until("the read", () => ended(read));
        if (read.value !== value) expect(calls.map(([called]) => called)).toContain(key);
      }
    }
    expect(acknowledged.size).toBeGreaterThan(20);
    await script.end();
  });

  it.each([
    { scenario: 53, part: "any" as const, name: "anywhere in a sealed log" },
    { scenario: 54, part: "head" as const, name: "in what a segment begins with" },
  ])("scenario $scenario: a node refuses to start over a flipped bit $name", async ({ part }) => {
    for (let seed = 1; seed <= 8; seed += 1) {
      const script = await Script.startCalm({ seed, disk: smallSegments });
      const leader = await script.leader();
      for (let i = 0; i < 10; i += 1) {
        const write = script.put(leader, "x", `${i}`.repeat(700));
        await script.until("a write", () => ended(write));
      }
      await script.advance(100);
      const [damaged] = script.others(leader);
      expect(damaged!.damage(part)).toBe(true);
      damaged!.start();
      await script.until("its end", () => damaged!.process === undefined);
      const told = script.cluster.world.trace.tail(4_000).join("\n");
      expect(told).toMatch(/ends {2}.*\/data\/log\/\d+\.log is damaged at byte \d+/);
      const write = script.put(leader, "x", "the others go on");
      await script.until("another write", () => ended(write));
      expect(write.status).toBe("ok");
      await script.end();
    }
  });

  it("the commit index is on no disk before its entries (found by seed 112, I5)", async () => {
    let hits = 0;
    // One of so many comes to the end of a segment with the entry that replaces others.
    for (let writes = 1; writes <= 14; writes += 1) {
      const script = await Script.startCalm({ seed: writes, voters: 5, disk: smallSegments });
      const old = await script.leader();
      const [victim, ...rest] = script.others(old);
      for (let i = 0; i < writes; i += 1) {
        const write = script.put(old, "x", `${i}`);
        await script.until("a write", () => ended(write));
      }
      script.separate([old, victim!], rest);
      const { last } = script.status(old);
      script.put(old, "x", "replaced", 60_000);
      await script.until("the entry", () => victim!.mirror.durable.lastIndex > last.index);
      old.crash("process");
      script.cluster.network.heal();
      script.letCampaign(rest[0]!);
      const late = script.gate.drop(
        ({ to, message }) =>
          to === victim!.id && message.kind === "appendEntries" && message.entries.length > 0,
      );
      // The entry of the new term is committed before the victim hears of it.
      await script.leader([rest[0]!]);
      victim!.disk.slowness = 20;
      late();
      const begun = () => victim!.disk.newestBatches.length === 1;
      for (let ms = 0; ms < 150 && !begun(); ms += 1) await script.advance(1);
      if (!begun()) continue;
      hits += 1;
      victim!.crash("power");
      victim!.disk.slowness = 1;
      victim!.start();
      await script.advance(script.electionTimeoutMs);
      await script.end();
    }
    expect(hits).toBeGreaterThan(0);
  });

  it("scenario 58: a name that a power loss took back hides nothing that was acknowledged", async () => {
    const script = await Script.startCalm({ voters: 1, disk: smallSegments });
    const node = await script.leader();
    const random = new Prng(58);
    for (let round = 0; round < 60; round += 1) {
      let last: Told = { status: "ok" };
      let value = "";
      for (let i = random.between(1, 6); i > 0 && last.status === "ok"; i -= 1) {
        value = `${round}.${i} `.repeat(200);
        last = script.put(node, "x", value);
        await script.until("a write", () => ended(last));
      }
      await script.advance(random.uniform(0, 10));
      node.crash("power");
      node.start();
      await script.leader();
      const read = script.get(node, "x", "linearizable");
      await script.until("the read", () => ended(read));
      expect(read).toEqual({ status: "ok", value });
    }
    await script.end();
  });
});
