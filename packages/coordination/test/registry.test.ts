import { EngineError } from "@d-engine/core";
import { beforeEach, describe, expect, it } from "vitest";
import { discover, register, type Services } from "../src/index.js";
import { type BedClient, follow, StoreBed } from "./bed/index.js";

let bed: StoreBed;
let a: BedClient;
let b: BedClient;
let services: Services<{ at: number }>;
beforeEach(async () => {
  bed = new StoreBed();
  [a, b] = [bed.client(), bed.client()];
  services = discover(bed.client(), "api");
  await bed.clock.advance(100);
});

async function registered(client: BedClient, id: string, at: number, options = {}) {
  const followed = follow(register(client, "api", id, { at }, options));
  await bed.clock.advance(100);
  return followed.value!;
}

const seen = () => Object.fromEntries(services.entries());

describe("register and discover", () => {
  it("show who is there, with the newest values, until they say goodbye", async () => {
    const first = await registered(a, "one", 1);
    const second = await registered(b, "two", 2);
    expect(seen()).toEqual({ one: { at: 1 }, two: { at: 2 } });
    const updated = follow(second.update({ at: 3 }));
    await bed.clock.advance(100);
    expect([updated.isSettled, seen()]).toEqual([true, { one: { at: 1 }, two: { at: 3 } }]);
    void first.close();
    await bed.clock.advance(100);
    expect([seen(), first.state]).toEqual([{ two: { at: 3 } }, "closed"]);
    expect(first.ended.reason).toMatchObject({ code: "CLOSED" });
    await expect(first.update({ at: 4 })).rejects.toMatchObject({ code: "CLOSED" });
  });

  it("lose an instance that died when its lease ends, and not before", async () => {
    await registered(a, "one", 1, { ttlMs: 2_000 });
    a.cut();
    await bed.clock.advance(1_000);
    expect(seen()).toEqual({ one: { at: 1 } });
    await bed.clock.advance(2_000);
    expect(seen()).toEqual({});
  });

  it("bring an instance back that was away for longer, with the value that it has now", async () => {
    const me = await registered(a, "one", 1, { ttlMs: 2_000 });
    a.cut();
    await bed.clock.advance(10_000);
    expect([seen(), me.state]).toEqual([{}, "lost"]);
    const updated = follow(me.update({ at: 5 }));
    await bed.clock.advance(1_000);
    expect(updated.isSettled).toBe(false);
    a.heal();
    await bed.clock.advance(20_000);
    expect([seen(), me.state, updated.isSettled]).toEqual([{ one: { at: 5 } }, "registered", true]);
  });

  it("bring it back when somebody deletes its key", async () => {
    const me = await registered(a, "one", 1);
    const deleted = follow(b.deleteRange({ prefix: "_coordination/service/api/" }));
    await bed.clock.advance(200);
    expect([deleted.value, seen(), me.state]).toEqual([1, { one: { at: 1 } }, "registered"]);
  });

  it("write nothing while watches break, however often", async () => {
    const me = await registered(a, "one", 1);
    a.calls.length = 0;
    for (let n = 0; n < 20; n++) {
      a.breakWatches(new EngineError("CLUSTER_UNAVAILABLE", "no node for long"));
      await bed.clock.advance(100);
    }
    // It looks each time it has waited for its turn, longer and longer, and finds its key as it was.
    expect(a.calls.filter((kind) => kind === "txn")).toEqual([]);
    expect(a.calls.filter((kind) => kind === "range").length).toBeLessThan(10);
    const deleted = follow(b.deleteRange({ prefix: "_coordination/service/api/" }));
    await bed.clock.advance(10_000);
    expect([deleted.value, seen(), me.state]).toEqual([1, { one: { at: 1 } }, "registered"]);
  });

  it("give an id to who asked last, for good, and tell who had it", async () => {
    const old = await registered(a, "one", 1);
    const young = await registered(b, "one", 2);
    expect([seen(), old.state, young.state]).toEqual([
      { one: { at: 2 } },
      "replaced",
      "registered",
    ]);
    expect(old.ended.reason).toMatchObject({ code: "LOCK_LOST" });
    void old.close();
    await bed.clock.advance(30_000);
    const stored = follow(b.range({ prefix: "_coordination/service/api/" }));
    await bed.clock.advance(20);
    // Taken over, and never taken away in between.
    expect(stored.value?.entries[0]).toMatchObject({ version: 2 });
    expect([seen(), young.state]).toEqual([{ one: { at: 2 } }, "registered"]);
  });

  it("give way to a later one also after a long time away", async () => {
    const old = await registered(a, "one", 1, { ttlMs: 2_000 });
    a.cut();
    await bed.clock.advance(10_000);
    await registered(b, "one", 2);
    a.heal();
    await bed.clock.advance(20_000);
    expect([seen(), old.state]).toEqual([{ one: { at: 2 } }, "replaced"]);
  });

  it("announce it although answers are lost", async () => {
    for (let lost = 0; lost < 5; lost++) {
      const client = bed.client();
      let at = 0;
      client.fate = () => ({ thereMs: 1, backMs: at++ === lost ? undefined : 1 });
      const me = follow(register(client, "api", `lossy-${lost}`, { at: lost }));
      await bed.clock.advance(30_000);
      expect(me.value?.state).toBe("registered");
    }
    expect(services.size).toBe(5);
  });

  it("end the wait for the first time by signal and timeout, and leave nothing", async () => {
    a.cut();
    const late = follow(register(a, "api", "one", { at: 1 }, { timeoutMs: 500 }));
    await bed.clock.advance(600);
    expect(late.error).toMatchObject({ code: "WAIT_TIMEOUT" });
    a.heal();
    await bed.clock.advance(60_000);
    expect([seen(), bed.keys()]).toEqual([{}, []]);
  });

  it("refuse ids and services that are none", async () => {
    await expect(register(a, "api", "", 1)).rejects.toMatchObject({ code: "INVALID_REQUEST" });
    await expect(register(a, "", "x", 1)).rejects.toMatchObject({ code: "INVALID_REQUEST" });
    await expect(register(a, "api", "x".repeat(201), 1)).rejects.toThrow("1 to 200 characters");
  });
});
