import { describe, expect, it } from "vitest";
import { Script, snapshotPlan } from "../testing/script.js";

const second = 1_000;
const day = 24 * 3_600 * second;

/** Lets time pass until the key is gone everywhere, and tells how long that took. */
async function untilGone(script: Script, key: string, withinMs: number): Promise<number> {
  const { world, equalStores } = script.cluster;
  const sinceMs = world.nowMs;
  await script.until(`the end of ${key}`, () => !equalStores.twin.records.has(key), withinMs);
  return world.nowMs - sinceMs;
}

async function put(script: Script, key: string, ttlMs: number, value = "v"): Promise<void> {
  const client = script.client();
  const told = script.tell(async () => String((await client.put(key, value, { ttlMs })).revision));
  await script.until("the put", () => told.status === "ok");
}

describe("times to live under faults", () => {
  it.each([
    { who: "the leader", of: (script: Script, leader: number) => [script.node(leader)] },
    { who: "a follower", of: (script: Script, leader: number) => [script.node((leader % 3) + 1)] },
    { who: "all nodes", of: (script: Script) => script.cluster.nodes },
  ])(
    "scenario 41: the wall clock of $who jumps by a day, and no key ends by it (T1, T2)",
    async ({ of }) => {
      for (const byMs of [day, -day, 3_600 * second, -3_600 * second]) {
        const script = await Script.startCalm();
        const leader = await script.leader();
        await put(script, "k", 2 * second);
        for (const node of of(script, leader.id)) node.clock.wallOffsetMs += byMs;
        await script.advance(1_900);
        expect(script.cluster.equalStores.twin.records.has("k")).toBe(true);
        await untilGone(script, "k", 1_100);
        await script.end();
      }
    },
  );

  it("scenario 64: a key lives its time over a change of the leader, a restart and a snapshot", async () => {
    const script = await Script.startCalm(snapshotPlan);
    const leader = await script.leader();
    await put(script, "k", 4 * second);
    await script.fill(leader, 60);
    leader.crash("process");
    const next = await script.leader(script.others(leader));
    leader.start();
    await script.advance(second);
    next.crash("power");
    await script.leader(script.others(next));
    next.start();
    await script.advance(second);
    // Neither early, nor begun anew by each leader.
    expect(script.cluster.equalStores.twin.records.has("k")).toBe(true);
    await untilGone(script, "k", 4 * second);
    await script.end();
  });

  it("scenario 65: of a keep-alive and an expiry at the same moment the log decides, for all alike (T3)", async () => {
    for (let lateMs = -12; lateMs <= 12; lateMs += 3) {
      const script = await Script.startCalm();
      const leader = await script.leader();
      const client = script.client();
      let lease = 0;
      const granted = script.tell(async () => {
        lease = (await client.grantLease(second, { keepAlive: false })).id;
        await client.put("k", "v", { lease });
        return undefined;
      });
      await script.until("the lease", () => granted.status === "ok");
      const { twin } = script.cluster.equalStores;
      await script.advance(
        twin.leases.get(lease)!.deadlineMs - leader.kv!.driver.time.nowMs() + lateMs,
      );
      const kept = script.tell(async () => {
        await client.execute({ kind: "leaseKeepAlive", id: lease });
        return undefined;
      });
      await script.until("an answer", () => kept.status !== "pending");
      const outcome = kept.status === "ok" ? "ok" : "LEASE_NOT_FOUND rejected";
      expect(kept.status).toBe(outcome);
      expect(twin.records.has("k")).toBe(kept.status === "ok");
      await script.end();
    }
  });

  it("scenario 65: what a deposed leader would have ended lives on when it was kept alive elsewhere", async () => {
    const script = await Script.startCalm();
    const old = await script.leader();
    const client = script.client();
    let lease = 0;
    const granted = script.tell(async () => {
      lease = (await client.grantLease(2 * second, { keepAlive: false })).id;
      await client.put("k", "v", { lease });
      return undefined;
    });
    await script.until("the lease", () => granted.status === "ok");
    const rest = script.others(old);
    script.separate([old], rest);
    const next = await script.leader(rest);
    const kept = script.tell(async () => {
      await client.execute({ kind: "leaseKeepAlive", id: lease });
      return undefined;
    });
    await script.until("the renewal", () => kept.status === "ok");
    await script.advance(second);
    script.cluster.network.heal();
    await script.advance(500);
    expect(next.kv!.store.leaseCount).toBe(1);
    expect(script.cluster.equalStores.twin.records.has("k")).toBe(true);
    await untilGone(script, "k", 3 * second);
    await script.end();
  });

  it("scenario 66: an old deadline never hits a new life of the key", async () => {
    const script = await Script.startCalm();
    const leader = await script.leader();
    for (const key of ["over", "swapped", "again"]) await put(script, key, second, `old ${key}`);
    const client = script.client();
    const over = script.put(leader, "over", "new over");
    const rest = script.tell(async () => {
      const swapped = await client.compareAndSwap("swapped", "old swapped", "new swapped");
      await client.delete("again");
      await client.put("again", "new again");
      return String(swapped);
    });
    await script.until("the new lives", () => over.status === "ok" && rest.status === "ok");
    expect(rest.value).toBe("true");
    await script.advance(3 * second);
    const { records } = script.cluster.equalStores.twin;
    expect(["over", "swapped", "again"].map((key) => records.get(key)?.value)).toEqual([
      "new over",
      "new swapped",
      "new again",
    ]);
    await script.end();
  });
});
