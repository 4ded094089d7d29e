import fc from "fast-check";
import { beforeEach, describe, expect, it } from "vitest";
import { type Counter, counter } from "../src/index.js";
import { type BedClient, follow, StoreBed } from "./bed/index.js";

let bed: StoreBed;
let a: BedClient;
let b: BedClient;
beforeEach(() => {
  bed = new StoreBed();
  [a, b] = [bed.client(), bed.client()];
});

const key = "_coordination/counter/n/value";

describe("counter", () => {
  it("adds from several processes, each with a result of its own", async () => {
    const counters = [counter(a, "n"), counter(b, "n")];
    const added = counters.flatMap((one) => [1, 2, 3].map(() => follow(one.add())));
    await bed.clock.advance(200);
    const values = added.map(({ value }) => value!).sort((x, y) => x - y);
    expect(values).toEqual([1, 2, 3, 4, 5, 6]);
    const read = follow(counters[0]!.get());
    await bed.clock.advance(20);
    expect(read.value).toBe(6);
  });

  it("puts additions that come together into one transaction", async () => {
    const one = counter(a, "n");
    const added = [5, -2, 0].map((by) => follow(one.add(by)));
    await bed.clock.advance(20);
    expect(added.map(({ value }) => value)).toEqual([5, 3, 3]);
    expect(a.calls.filter((kind) => kind === "txn")).toHaveLength(1);
  });

  it("adds once what had to be sent again (rule R17)", async () => {
    const one = counter(a, "n");
    const first = follow(one.add());
    await bed.clock.advance(20);
    let losses = 0;
    a.fate = (kind) => {
      const isLost = kind === "txn" && losses++ === 0;
      return isLost ? { thereMs: 1, backMs: undefined } : { thereMs: 1, backMs: 1 };
    };
    const second = follow(one.add());
    await bed.clock.advance(20_000);
    expect([first.value, second.value, losses > 1]).toEqual([1, 2, true]);
  });

  it("refuses what is no integer, and what would leave its range, alone", async () => {
    const one = counter(a, "n");
    await expect(one.add(0.5)).rejects.toMatchObject({ code: "INVALID_REQUEST" });
    const [large, beyond, small] = [Number.MAX_SAFE_INTEGER, 1, -1].map((by) =>
      follow(one.add(by)),
    );
    await bed.clock.advance(50);
    expect(large!.value).toBe(Number.MAX_SAFE_INTEGER);
    expect(beyond!.error).toMatchObject({ code: "INVALID_REQUEST", outcome: "rejected" });
    expect(small!.value).toBe(Number.MAX_SAFE_INTEGER - 1);
  });

  it("says so when something else wrote its key", async () => {
    const written = follow(a.put(key, "many"));
    await bed.clock.advance(20);
    expect(written.isSettled).toBe(true);
    const [read, added] = [follow(counter(a, "n").get()), follow(counter(a, "n").add())];
    await bed.clock.advance(50);
    for (const { error } of [read, added]) {
      expect(error).toMatchObject({ code: "INVALID_REQUEST" });
      expect(String(error)).toContain('holds "many", no integer');
    }
  });

  it("goes on in another session when its own has ended", async () => {
    const one = counter(a, "n");
    const first = follow(one.add());
    await bed.clock.advance(20);
    a.cut();
    await bed.clock.advance(60_000);
    a.heal();
    await bed.clock.advance(60_000);
    const second = follow(one.add());
    await bed.clock.advance(60_000);
    const third = follow(one.add());
    await bed.clock.advance(1_000);
    expect(first.value).toBe(1);
    // The first one to notice may have to say that it does not know, and then nothing was added.
    expect([third.value, second.value ?? "unknown"]).toEqual(
      second.value === undefined ? [2, "unknown"] : [3, 2],
    );
  });

  it("refuses more additions than may wait, and makes those that do", async () => {
    const one = counter(a, "n");
    const added = Array.from({ length: 10_000 }, () => one.add());
    await expect(one.add()).rejects.toMatchObject({ code: "RATE_LIMITED", outcome: "rejected" });
    const all = follow(Promise.all(added));
    await bed.clock.advance(100);
    expect(all.value?.at(-1)).toBe(10_000);
  });

  it("ends its session when it is closed, and takes nothing more", async () => {
    const one = counter(a, "n");
    const added = follow(one.add());
    const closed = follow(one.close());
    await bed.clock.advance(100);
    expect([added.value, closed.isSettled]).toEqual([1, true]);
    await expect(one.add()).rejects.toMatchObject({ code: "CLOSED" });
    expect(a.calls.at(-1)).toBe("leaseRevoke");
  });

  it("never counts twice or not at all, whatever becomes of its calls", async () => {
    const fate = fc.record({
      thereMs: fc.oneof(fc.integer({ min: 0, max: 40 }), fc.constant(undefined)),
      backMs: fc.oneof(fc.integer({ min: 0, max: 40 }), fc.constant(undefined)),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(fate, { maxLength: 12 }), async (fates) => {
        bed = new StoreBed();
        const clients = [bed.client(), bed.client()];
        const counters: Counter[] = clients.map((client) => {
          client.fate = () => fates.shift() ?? { thereMs: 1, backMs: 1 };
          return counter(client, "n");
        });
        const added = counters.flatMap((one) => [1, 1].map((by) => follow(one.add(by))));
        await bed.clock.advance(400_000);
        expect(added.every(({ isSettled }) => isSettled)).toBe(true);
        const sure = added.flatMap(({ value }) => (value === undefined ? [] : [value]));
        const unsure = added.filter(({ error }) => {
          return (error as { outcome?: string } | undefined)?.outcome === "unknown";
        });
        expect(new Set(sure).size).toBe(sure.length);
        const read = follow(counters[0]!.get());
        await bed.clock.advance(100);
        expect(read.value).toBeGreaterThanOrEqual(sure.length);
        expect(read.value).toBeLessThanOrEqual(sure.length + unsure.length);
      }),
      { numRuns: 60 },
    );
  });
});
