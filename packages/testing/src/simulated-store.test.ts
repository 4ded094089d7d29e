import { describe, expect, it } from "vitest";
import { simulate } from "./simulate.js";

describe("what a simulated client can do with the store beyond single keys", () => {
  it("watches over a crash of the leader, and misses and repeats nothing (W2, W3)", async () => {
    await simulate({ seed: 21 }, async (cluster) => {
      const client = cluster.client({ timeoutMs: 10_000 });
      const watch = client.watch({ prefix: "user/" }, { previous: true });
      await watch.ready();
      const written: number[] = [];
      for (let i = 0; i < 6; i += 1) {
        if (i === 3) await cluster.crash("leader");
        const { revision } = await client.put("user/1", `name ${i}`);
        written.push(revision);
      }
      const seen: number[] = [];
      for await (const { events } of watch) {
        seen.push(...events.map((event) => event.revision));
        if (seen.length >= written.length) break;
      }
      expect(seen).toEqual(written);
    });
  });

  it("keeps a lease alive over a crash, and lets it end when its holder is cut off (T2)", async () => {
    await simulate({ seed: 22 }, async (cluster) => {
      const beside = cluster.client({ at: 1 });
      const lease = await beside.grantLease(4_000);
      await beside.put("lock", "mine", { lease });
      const other = cluster.client({ timeoutMs: 10_000 });
      await cluster.crash(2);
      await cluster.advance(10_000);
      expect(await other.getString("lock")).toBe("mine");
      expect(lease.isHeld).toBe(true);
      cluster.restart(2);
      await cluster.until(() => cluster.nodes.every(({ role }) => role !== undefined));
      await cluster.isolate(1);
      await cluster.until(() => lease.lost.aborted, 4_000);
      await cluster.advance(6_000);
      expect(await other.getString("lock")).toBeUndefined();
    });
  });

  it("commits transactions whole, and reads the past", async () => {
    await simulate({ seed: 23 }, async (cluster) => {
      const client = cluster.client();
      const { revision } = await client.put("a", "1");
      const txn = client
        .txn()
        .if({ key: "a", value: "1" })
        .then({ kind: "put", key: "a", value: "2" }, { kind: "put", key: "b", value: "2" });
      expect(await txn.commit()).toMatchObject({ succeeded: true, revision: revision + 1 });
      expect(await txn.commit()).toMatchObject({ succeeded: false, revision: revision + 1 });
      const { entries } = await client.range({ prefix: "" }, { revision });
      expect(entries.map(({ key, value }) => [...key, ...value])).toEqual([[0x61, 0x31]]);
    });
  });
});
