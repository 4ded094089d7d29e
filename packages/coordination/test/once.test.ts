import { beforeEach, describe, expect, it } from "vitest";
import { once } from "../src/index.js";
import { type BedClient, follow, StoreBed } from "./bed/index.js";

let bed: StoreBed;
let a: BedClient;
let b: BedClient;
beforeEach(() => {
  bed = new StoreBed();
  [a, b] = [bed.client(), bed.client()];
});

const after = (client: BedClient, ms: number) =>
  new Promise<void>((resolve) => void client.clock.setTimer(ms, resolve));

describe("once", () => {
  it("runs the work of one, and gives its result to all, now and later", async () => {
    let runs = 0;
    const clients = [a, b, bed.client()];
    const asked = clients.map((client, at) =>
      follow(
        once(client, "x", async () => {
          runs += 1;
          await after(client, 100);
          return { by: at };
        }),
      ),
    );
    await bed.clock.advance(1_000);
    expect(asked.map(({ value }) => value)).toEqual([{ by: 0 }, { by: 0 }, { by: 0 }]);
    const late = follow(once(bed.client(), "x", () => ({ by: 9 })));
    await bed.clock.advance(100);
    expect([late.value, runs]).toEqual([{ by: 0 }, 1]);
    expect(bed.keys()).toEqual(["_coordination/once/x/result"]);
    expect(clients.map(({ watches }) => watches)).toEqual([0, 0, 0]);
  });

  it("is run by the next when the work rejects", async () => {
    const failing = follow(
      once(a, "x", () => {
        throw new Error("no");
      }),
    );
    await bed.clock.advance(5);
    const next = follow(once(b, "x", () => "yes"));
    await bed.clock.advance(500);
    expect(failing.error).toMatchObject({ message: "no" });
    expect(next.value).toBe("yes");
  });

  it("is run by another when a process dies, and the first one's result does not count", async () => {
    const runs: string[] = [];
    const dying = follow(
      once(a, "x", async () => {
        runs.push("a");
        await after(a, 30_000);
        return "a";
      }),
    );
    await bed.clock.advance(100);
    const next = follow(once(b, "x", () => runs.push("b") && "b"));
    a.cut();
    await bed.clock.advance(20_000);
    expect([runs, next.value]).toEqual([["a", "b"], "b"]);
    a.heal();
    await bed.clock.advance(60_000);
    // Its lock was lost, and the result that counts is there.
    expect(dying.value ?? dying.error).toSatisfy(
      (ended) => ended === "b" || (ended as { code?: string }).code === "LOCK_LOST",
    );
    const late = follow(once(b, "x", () => "c"));
    await bed.clock.advance(100);
    expect(late.value).toBe("b");
  });

  it("keeps its result although the answer was lost", async () => {
    let losses = 0;
    const asked = follow(
      once(a, "x", () => {
        a.fate = (kind) =>
          kind === "txn" && losses++ < 1
            ? { thereMs: 1, backMs: undefined }
            : { thereMs: 1, backMs: 1 };
        return 7;
      }),
    );
    await bed.clock.advance(20_000);
    expect([asked.value, losses]).toEqual([7, 2]);
    const stored = follow(b.range("_coordination/once/x/result"));
    await bed.clock.advance(20);
    expect(stored.value?.entries[0]).toMatchObject({ version: 1 });
  });

  it("looks again when it holds the lock: the result may have come before the watch", async () => {
    const first = follow(once(a, "x", () => "a"));
    b.fate = (kind) => ({ thereMs: 1, backMs: kind === "range" ? 500 : 1 });
    let runs = 0;
    const second = follow(once(b, "x", () => ++runs));
    await bed.clock.advance(5_000);
    expect([first.value, second.value, runs]).toEqual(["a", "a", 0]);
  });

  it("ends its wait by its signal and its timeout", async () => {
    const working = follow(once(a, "x", () => after(a, 5_000).then(() => 1)));
    await bed.clock.advance(50);
    const stop = new AbortController();
    const aborted = follow(once(b, "x", () => 2, { signal: stop.signal }));
    const impatient = follow(once(b, "x", () => 3, { timeoutMs: 500 }));
    await bed.clock.advance(600);
    stop.abort(new Error("enough"));
    await bed.clock.advance(50);
    expect(aborted.error).toMatchObject({ message: "enough" });
    expect(impatient.error).toMatchObject({ code: "WAIT_TIMEOUT" });
    await bed.clock.advance(10_000);
    expect(working.value).toBe(1);
  });

  it("checks what is stored, and takes other codecs", async () => {
    const first = follow(once(a, "x", () => "text"));
    await bed.clock.advance(50);
    const check = (value: unknown): number => {
      if (typeof value !== "number") throw new TypeError("no number");
      return value;
    };
    const second = follow(once(b, "x", () => 1, { check }));
    await bed.clock.advance(50);
    expect(first.value).toBe("text");
    expect(second.error).toMatchObject({ message: "no number" });
  });
});
