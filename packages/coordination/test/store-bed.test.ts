import { isEngineError } from "@d-engine/core";
import { beforeEach, describe, expect, it } from "vitest";
import { follow, StoreBed } from "./bed/index.js";

let bed: StoreBed;
beforeEach(() => {
  bed = new StoreBed();
});

describe("the test bed", () => {
  it("applies what several clients write, and tells watches of it", async () => {
    const [a, b] = [bed.client(), bed.client()];
    const watch = b.watch({ prefix: "k" });
    await bed.clock.advance(5);
    const first = follow(watch.next());
    const put = follow(a.put("k1", "v"));
    await bed.clock.advance(5);
    expect(put.value).toEqual({ revision: 1 });
    expect(first.value?.value?.events).toMatchObject([{ kind: "put", revision: 1 }]);
    expect(bed.keys()).toEqual(["k1"]);
  });

  it("ends leases by the time of the cluster, which stands still while it is down", async () => {
    const a = bed.client();
    const granted = follow(a.grantLease(1_000, { keepAlive: false }));
    await bed.clock.advance(5);
    const put = follow(a.put("k", "v", { lease: granted.value?.id ?? 0 }));
    await bed.clock.advance(500);
    expect(put.value).toEqual({ revision: 1 });
    bed.goDown();
    await bed.clock.advance(5_000);
    bed.comeUp();
    await bed.clock.advance(400);
    expect(bed.keys()).toEqual(["k"]);
    await bed.clock.advance(200);
    expect(bed.keys()).toEqual([]);
  });

  it("lets a write without an answer arrive, even after the client has given it up", async () => {
    const a = bed.client();
    a.fate = () => ({ thereMs: 300, backMs: 1 });
    const put = follow(a.put("k", "v", { timeoutMs: 100 }));
    await bed.clock.advance(150);
    expect(isEngineError(put.error, "OUTCOME_UNKNOWN")).toBe(true);
    expect(bed.keys()).toEqual([]);
    await bed.clock.advance(200);
    expect(bed.keys()).toEqual(["k"]);
  });

  it("brings a watch nothing while its client is cut off, and everything afterwards", async () => {
    const [a, b] = [bed.client(), bed.client()];
    const watch = b.watch("k");
    await bed.clock.advance(5);
    b.cut();
    void a.put("k", "1");
    await bed.clock.advance(1_000);
    const first = follow(watch.next());
    await bed.clock.advance(1_000);
    expect(first.isSettled).toBe(false);
    b.heal();
    await bed.clock.advance(200);
    expect(first.value?.value?.revision).toBe(1);
  });

  it("runs nothing in a client that is stopped", async () => {
    const a = bed.client();
    const put = follow(a.put("k", "v"));
    a.stop();
    await bed.clock.advance(1_000);
    expect([bed.keys(), put.isSettled]).toEqual([["k"], false]);
    a.resume();
    await bed.clock.advance(1);
    expect(put.value).toEqual({ revision: 1 });
  });
});
