import { beforeEach, describe, expect, it } from "vitest";
import { barrier } from "../src/index.js";
import { type BedClient, follow, StoreBed } from "./bed/index.js";

let bed: StoreBed;
let a: BedClient;
let b: BedClient;
let c: BedClient;
beforeEach(() => {
  bed = new StoreBed();
  [a, b, c] = [bed.client(), bed.client(), bed.client()];
});

const waiting = () => bed.keys("_coordination/barrier/x/waiting/");

describe("barrier", () => {
  it("lets all go on when enough wait, and leaves nothing but an open door", async () => {
    const first = [a, b].map((client) => follow(barrier(client, "x", 3).wait()));
    await bed.clock.advance(5_000);
    expect(first.map(({ isSettled }) => isSettled)).toEqual([false, false]);
    const last = follow(barrier(c, "x", 3).wait());
    await bed.clock.advance(200);
    for (const { isSettled, error } of [...first, last]) {
      expect([isSettled, error]).toEqual([true, undefined]);
    }
    expect(bed.keys()).toEqual(["_coordination/barrier/x/open"]);
    const late = follow(barrier(a, "x", 3).wait());
    await bed.clock.advance(50);
    expect(late.isSettled).toBe(true);
  });

  it("does not count who gave up, or died", async () => {
    const stop = new AbortController();
    const leaving = follow(barrier(a, "x", 3).wait({ signal: stop.signal }));
    const dying = follow(barrier(b, "x", 3).wait({ ttlMs: 2_000 }));
    await bed.clock.advance(100);
    expect(waiting()).toHaveLength(2);
    stop.abort(new Error("enough"));
    b.cut();
    await bed.clock.advance(3_000);
    expect(leaving.error).toMatchObject({ message: "enough" });
    expect(waiting()).toEqual([]);
    const rest = [c, bed.client()].map((client) => follow(barrier(client, "x", 3).wait()));
    await bed.clock.advance(1_000);
    expect(rest.some(({ isSettled }) => isSettled)).toBe(false);
    b.heal();
    await bed.clock.advance(10_000);
    // It stands anew with another lease.
    expect([dying, ...rest].map(({ isSettled, error }) => [isSettled, error])).toEqual([
      [true, undefined],
      [true, undefined],
      [true, undefined],
    ]);
  });

  it("ends by its timeout, and says what it waited for", async () => {
    const alone = follow(barrier(a, "x", 2).wait({ timeoutMs: 300 }));
    await bed.clock.advance(400);
    expect(alone.error).toMatchObject({
      code: "WAIT_TIMEOUT",
      message: 'barrier "x" did not open in 300 ms',
    });
    await bed.clock.advance(100);
    expect(waiting()).toEqual([]);
  });

  it("refuses who comes with another number", async () => {
    const two = follow(barrier(a, "x", 2).wait());
    await bed.clock.advance(100);
    const three = follow(barrier(b, "x", 3).wait());
    await bed.clock.advance(200);
    expect(three.error).toMatchObject({ code: "INVALID_REQUEST" });
    expect(two.isSettled).toBe(false);
    expect(() => barrier(a, "x", 101)).toThrow("1 to 100 parties");
    expect(() => barrier(a, "x", 0.5)).toThrow("1 to 100 parties");
  });

  it("is closed again by reset", async () => {
    const first = follow(barrier(a, "x", 1).wait());
    await bed.clock.advance(100);
    const reset = follow(barrier(b, "x", 1).reset());
    await bed.clock.advance(100);
    const second = follow(barrier(b, "x", 2).wait());
    await bed.clock.advance(2_000);
    expect([first.isSettled, reset.isSettled, second.isSettled]).toEqual([true, true, false]);
  });

  it("does not count who gave up while it was coming", async () => {
    const stop = new AbortController();
    a.fate = (kind) => ({ thereMs: kind === "txn" ? 2_000 : 1, backMs: 1 });
    const leaving = follow(barrier(a, "x", 2).wait({ signal: stop.signal }));
    await bed.clock.advance(500);
    stop.abort(new Error("enough"));
    const staying = follow(barrier(b, "x", 2).wait());
    await bed.clock.advance(5_000);
    expect(leaving.error).toMatchObject({ message: "enough" });
    expect(staying.isSettled).toBe(false);
  });

  it("does not open with somebody who has left when it would", async () => {
    const stop = new AbortController();
    const all = [a, b, c].map((client, at) => {
      let txns = 0;
      client.fate = (kind) => ({ thereMs: kind === "txn" && txns++ > 0 ? 100 : 1, backMs: 1 });
      return follow(barrier(client, "x", 3).wait(at === 0 ? { signal: stop.signal } : {}));
    });
    await bed.clock.advance(50);
    stop.abort(new Error("enough"));
    await bed.clock.advance(5_000);
    expect(all.map(({ isSettled }) => isSettled)).toEqual([true, false, false]);
    expect(bed.keys("_coordination/barrier/x/open")).toEqual([]);
  });

  it("opens for all or for none, whatever becomes of the calls", async () => {
    for (let lost = 0; lost < 8; lost++) {
      bed = new StoreBed();
      const clients = [bed.client(), bed.client(), bed.client()];
      let at = 0;
      for (const client of clients) {
        client.fate = () => ({ thereMs: 1, backMs: at++ === lost ? undefined : 1 });
      }
      const all = clients.map((client) => follow(barrier(client, "x", 3).wait({ ttlMs: 2_000 })));
      await bed.clock.advance(60_000);
      expect(all.map(({ isSettled, error }) => [isSettled, error])).toEqual(
        all.map(() => [true, undefined]),
      );
    }
  });
});
