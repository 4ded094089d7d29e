import { EngineError } from "@d-engine/core";
import { beforeEach, describe, expect, it, vi } from "vitest";
import { type Lock, tryLock, withLock } from "../src/index.js";
import { type BedClient, follow, StoreBed } from "./bed/index.js";

let bed: StoreBed;
let a: BedClient;
let b: BedClient;
beforeEach(() => {
  bed = new StoreBed();
  [a, b] = [bed.client(), bed.client()];
});

/** A holder of the lock `x` that holds until `done` is called. */
function holding(client: BedClient, options = {}) {
  const holder: { lock: Lock | undefined; done: () => void } = {
    lock: undefined,
    done: () => undefined,
  };
  const work = (lock: Lock) =>
    new Promise<string>((resolve) => {
      holder.lock = lock;
      holder.done = () => resolve("done");
    });
  const outcome = follow(withLock(client, "x", work, options));
  return { holder, outcome };
}

const queue = () => bed.keys("_coordination/lock/x/");
const codeOf = (error: unknown) => (error as EngineError).code;

describe("withLock", () => {
  it("costs two round trips uncontended, and one more for the first lease", async () => {
    const first = follow(withLock(a, "x", () => 7));
    await bed.clock.advance(20);
    expect([first.value, a.calls]).toEqual([7, ["leaseGrant", "txn", "delete"]]);
    a.calls.length = 0;
    const second = follow(withLock(a, "y", () => 8));
    await bed.clock.advance(20);
    expect([second.value, a.calls, a.watches]).toEqual([8, ["txn", "delete"], 0]);
    expect(bed.keys()).toEqual([]);
  });

  it("gives it to one at a time, in the order of asking, with growing tokens", async () => {
    const clients = [a, b, bed.client(), bed.client()];
    const order: { client: number; token: number }[] = [];
    let inside = 0;
    const all = clients.map((client, at) => {
      const work = async ({ token }: Lock) => {
        inside += 1;
        order.push({ client: at, token });
        expect(inside).toBe(1);
        await new Promise<void>((resolve) => void client.clock.setTimer(50, resolve));
        inside -= 1;
      };
      return follow(withLock(client, "x", work));
    });
    await bed.clock.advance(1_000);
    expect(all.every(({ isSettled, error }) => isSettled && error === undefined)).toBe(true);
    expect(order.map(({ client }) => client)).toEqual([0, 1, 2, 3]);
    expect(order.map(({ token }) => token)).toEqual(
      order.map(({ token }) => token).sort((one, other) => one - other),
    );
    expect(queue()).toEqual([]);
  });

  it("lets each wait for the one before it only, so that an end wakes one", async () => {
    const { holder } = holding(a);
    await bed.clock.advance(20);
    const waiters = [b, bed.client(), bed.client()];
    for (const waiter of waiters) {
      holding(waiter);
      await bed.clock.advance(20);
    }
    expect(waiters.map(({ watches }) => watches)).toEqual([1, 1, 1]);
    for (const waiter of waiters) waiter.calls.length = 0;
    holder.done();
    await bed.clock.advance(20);
    // The next in the queue looks again; the others hear nothing.
    expect(waiters.map(({ calls }) => calls)).toEqual([["range"], [], []]);
  });

  it("rejects with what the work rejects with, and gives the lock up", async () => {
    const broken = new Error("broken");
    const outcome = follow(withLock(a, "x", () => Promise.reject(broken)));
    await bed.clock.advance(20);
    expect([outcome.error, queue()]).toEqual([broken, []]);
  });

  it("aborts the signal before the cluster gives the lock to another (R18)", async () => {
    const { holder, outcome } = holding(a, { ttlMs: 1_000 });
    await bed.clock.advance(20);
    const waiting = holding(b, { ttlMs: 1_000 });
    await bed.clock.advance(20);
    a.cut();
    const lock = holder.lock!;
    expect(await bed.clock.advanceUntil(() => lock.signal.aborted)).toBe(true);
    expect(waiting.holder.lock).toBeUndefined();
    expect(queue()).toHaveLength(2);
    expect(codeOf(lock.signal.reason)).toBe("LOCK_LOST");
    expect(await bed.clock.advanceUntil(() => waiting.holder.lock !== undefined, 2_000)).toBe(true);
    expect(waiting.holder.lock!.token).toBeGreaterThan(lock.token);
    // It had it not throughout, however well the work went.
    holder.done();
    await bed.clock.advance(20);
    expect(codeOf(outcome.error)).toBe("LOCK_LOST");
  });

  it("fails at once, locally, after a stall, before any timer has run (R18)", async () => {
    const { holder } = holding(a, { ttlMs: 1_000 });
    await bed.clock.advance(20);
    const lock = holder.lock!;
    a.stop();
    await bed.clock.advance(950);
    a.calls.length = 0;
    expect([lock.signal.aborted, lock.isHeld]).toEqual([false, false]);
    for (const call of [() => lock.put("k", "v"), () => lock.delete("k")]) {
      await expect(call()).rejects.toMatchObject({ code: "LOCK_LOST" });
    }
    expect(a.calls).toEqual([]);
    expect(() => lock.assertHeld()).toThrow("was not renewed in time");
    expect(lock.signal.aborted).toBe(true);
  });

  it("aborts the signal at the first turn after a stall (R18)", async () => {
    const { holder } = holding(a, { ttlMs: 1_000 });
    await bed.clock.advance(20);
    a.stop();
    await bed.clock.advance(5_000);
    expect(queue()).toEqual([]);
    a.resume((due) => due.reverse());
    await bed.clock.turn();
    expect(holder.lock!.signal.aborted).toBe(true);
  });

  it("#71 has the store refuse what a stale holder writes, by its token", async () => {
    const { holder } = holding(a);
    await bed.clock.advance(20);
    const lock = holder.lock!;
    const first = follow(lock.put("k", "mine"));
    await bed.clock.advance(20);
    expect(first.value?.revision).toBe(lock.token + 1);
    // Its lease ends, and it cannot know.
    for (const id of await listed()) void b.execute({ kind: "leaseRevoke", id });
    const next = holding(b);
    await bed.clock.advance(20);
    expect([lock.isHeld, next.holder.lock!.isHeld]).toEqual([true, true]);
    const stale = follow(lock.put("k", "stale"));
    await bed.clock.advance(20);
    expect(codeOf(stale.error)).toBe("LOCK_LOST");
    expect(Buffer.from(bed.machine.get(Buffer.from("k"))!).toString()).toBe("mine");
    expect([lock.isHeld, lock.signal.aborted]).toEqual([false, true]);
    const good = follow(next.holder.lock!.delete("k"));
    await bed.clock.advance(20);
    expect(good.value).toBe(true);
  });

  it("#72 lets no waiter win whose lease has ended", async () => {
    const { holder } = holding(a);
    await bed.clock.advance(20);
    const waiting = holding(b, { ttlMs: 1_000 });
    await bed.clock.advance(20);
    b.stop();
    await bed.clock.advance(3_000);
    expect(queue()).toHaveLength(1);
    holder.done();
    await bed.clock.advance(20);
    const third = holding(bed.client());
    await bed.clock.advance(20);
    expect(third.holder.lock).toBeDefined();
    b.resume();
    await bed.clock.advance(500);
    // It asks again, behind all others.
    expect(waiting.holder.lock).toBeUndefined();
    expect(queue()).toHaveLength(2);
    third.holder.done();
    await bed.clock.advance(20);
    expect(waiting.holder.lock!.isHeld).toBe(true);
  });

  it("#72 takes no lock by an answer that waited out a stall", async () => {
    const { holder } = holding(a, { ttlMs: 1_000 });
    await bed.clock.advance(2.5);
    expect([a.calls, holder.lock]).toEqual([["leaseGrant", "txn"], undefined]);
    a.stop();
    await bed.clock.advance(950);
    const [stale] = queue();
    // The answer came before the timers of the lease fell due, and is looked at before them.
    a.resume();
    await bed.clock.advance(20);
    // It has asked again, by another lease.
    expect([holder.lock!.isHeld, queue().length]).toEqual([true, 1]);
    expect(queue()).not.toContain(stale);
  });

  it("lets a waiter whose key somebody has deleted ask again", async () => {
    const { holder } = holding(a);
    await bed.clock.advance(20);
    const waiting = holding(b);
    await bed.clock.advance(20);
    const removed = queue().at(-1)!;
    void a.delete(removed);
    holder.done();
    await bed.clock.advance(40);
    expect(waiting.holder.lock!.isHeld).toBe(true);
    expect(queue()).toHaveLength(1);
    expect(queue()).not.toContain(removed);
  });

  it("goes through a transaction under the lock, and what it tests", async () => {
    const { holder } = holding(a);
    await bed.clock.advance(20);
    const txn = holder
      .lock!.txn()
      .if({ key: "k", exists: false })
      .then({ kind: "put", key: "k", value: "1" })
      .else({ kind: "range", keys: "k" });
    const [first, second] = [follow(txn.commit()), follow(txn.commit())];
    await bed.clock.advance(20);
    expect(first.value).toMatchObject({ succeeded: true, results: [{ kind: "put" }] });
    expect(second.value).toMatchObject({
      succeeded: false,
      results: [{ kind: "range", count: 1 }],
    });
    expect(() => holder.lock!.txn().then({ kind: "odd" } as never)).toThrow("is none of");
  });

  it("ends the signal of the work with that of the caller, and lets the work end", async () => {
    const caller = new AbortController();
    const { holder, outcome } = holding(a, { signal: caller.signal });
    await bed.clock.advance(20);
    caller.abort(new Error("enough"));
    expect(holder.lock!.signal.reason).toBe(caller.signal.reason);
    expect(holder.lock!.isHeld).toBe(true);
    holder.done();
    await bed.clock.advance(20);
    expect([outcome.value, queue()]).toEqual(["done", []]);
  });

  it("is over when it is released, for whatever was begun in it", async () => {
    const { holder, outcome } = holding(a);
    await bed.clock.advance(20);
    const lock = holder.lock!;
    void lock.release();
    expect([lock.isHeld, lock.signal.aborted]).toEqual([false, true]);
    expect(() => lock.assertHeld()).toThrow("was given up by its holder");
    await lock.put("k", "v").catch((error: unknown) => expect(codeOf(error)).toBe("LOCK_LOST"));
    await bed.clock.advance(20);
    expect(queue()).toEqual([]);
    holder.done();
    await bed.clock.advance(20);
    expect(outcome.value).toBe("done");
  });

  it.each([
    { options: { timeoutMs: 0 }, what: "timeoutMs must lie above 0" },
    { options: { ttlMs: 999 }, what: "ttlMs must be an integer from 1000 to 86400000" },
    { options: { ttlMs: 1_000.5 }, what: "ttlMs must be an integer" },
  ])("refuses what is no option: $what", async ({ options, what }) => {
    await expect(withLock(a, "x", () => 1, options)).rejects.toThrow(what);
  });
});

describe("an acquisition that fails", () => {
  it("leaves nothing in the queue when it times out", async () => {
    holding(a);
    await bed.clock.advance(20);
    const { outcome } = holding(b, { timeoutMs: 300 });
    await bed.clock.advance(20);
    expect(queue()).toHaveLength(2);
    await bed.clock.advance(300);
    expect(codeOf(outcome.error)).toBe("WAIT_TIMEOUT");
    expect([queue().length, b.watches]).toEqual([1, 0]);
  });

  it("leaves nothing in the queue when it is aborted", async () => {
    holding(a);
    await bed.clock.advance(20);
    const caller = new AbortController();
    const { outcome } = holding(b, { signal: caller.signal });
    await bed.clock.advance(20);
    caller.abort();
    await bed.clock.advance(20);
    expect(outcome.error).toBe(caller.signal.reason);
    expect([queue().length, b.watches]).toEqual([1, 0]);
  });

  it("leaves nothing when its one request arrives after everything is over", async () => {
    let isFirst = true;
    b.fate = (kind) => {
      const isLate = kind === "txn" && isFirst;
      if (isLate) isFirst = false;
      return { thereMs: isLate ? 3_000 : 1, backMs: 1 };
    };
    const { outcome } = holding(b, { timeoutMs: 500 });
    await bed.clock.advance(600);
    expect(codeOf(outcome.error)).toBe("WAIT_TIMEOUT");
    await bed.clock.advance(3_000);
    expect(queue().filter((key) => key.includes("/queue/"))).toEqual([]);
    // What was left to keep it out ends with the lease.
    await bed.clock.advance(30_000);
    expect(bed.keys()).toEqual([]);
  });
});

describe("an answer that is lost", () => {
  it("does not cost the place: the same key is found again", async () => {
    let lost = 0;
    a.fate = (kind) => {
      const isLost = kind === "txn" && lost < 1;
      if (isLost) lost += 1;
      return { thereMs: 1, backMs: isLost ? undefined : 1 };
    };
    const { holder } = holding(a);
    await bed.clock.advance(5_500);
    expect(a.calls.filter((kind) => kind === "txn")).toHaveLength(2);
    expect(holder.lock!.isHeld).toBe(true);
    expect(queue()).toHaveLength(1);
    // The first request may have been under way still: so the release leaves a mark.
    holder.done();
    await bed.clock.advance(20);
    expect(queue().filter((key) => key.includes("/queue/"))).toEqual([]);
  });

  it("of a release has it repeated until it is known", async () => {
    const { holder, outcome } = holding(a);
    await bed.clock.advance(20);
    let lost = 0;
    a.fate = (kind) => {
      const isLost = kind === "delete" && lost < 1;
      if (isLost) lost += 1;
      return { thereMs: isLost ? undefined : 1, backMs: 1 };
    };
    holder.done();
    await bed.clock.advance(20_000);
    expect([outcome.value, queue()]).toEqual(["done", []]);
    expect(a.calls.filter((kind) => kind === "delete")).toHaveLength(2);
  });

  it("of a release is waited for no longer than the lease lives", async () => {
    const { holder, outcome } = holding(a);
    await bed.clock.advance(20);
    a.cut();
    holder.done();
    await bed.clock.advance(10_000);
    expect(outcome.value).toBe("done");
    await bed.clock.advance(1_000);
    expect(queue()).toEqual([]);
  });

  it("of a release is asked for as long as another of the same client may wait for it", async () => {
    const { holder, outcome } = holding(a);
    await bed.clock.advance(20);
    const second = holding(a);
    await bed.clock.advance(20);
    let lost = 0;
    a.fate = (kind) => {
      const isLost = kind === "delete" && lost < 3;
      if (isLost) lost += 1;
      return { thereMs: isLost ? undefined : 1, backMs: 1 };
    };
    holder.done();
    await bed.clock.advance(12_000);
    // The first waits no longer; the lease lives on, as the second needs it.
    expect([outcome.value, second.holder.lock]).toEqual(["done", undefined]);
    await bed.clock.advance(5_000);
    expect(second.holder.lock?.isHeld).toBe(true);
  });

  it("of a release that cannot be ends the lease for all who have it", async () => {
    const [first, other] = [follow(tryLock(a, "x")), follow(tryLock(a, "y"))];
    await bed.clock.advance(20);
    vi.spyOn(a, "delete").mockRejectedValue(new EngineError("INVALID_REQUEST", "not by you"));
    const released = follow(first.value!.release());
    await bed.clock.advance(20);
    expect([released.isSettled, other.value!.isHeld]).toEqual([true, false]);
    await bed.clock.advance(10_100);
    expect(bed.keys()).toEqual([]);
  });

  it("of a release that is refused for ever lets the lease end", async () => {
    const { holder, outcome } = holding(a);
    await bed.clock.advance(20);
    a.fate = (kind) => ({ thereMs: kind === "delete" ? undefined : 1, backMs: 1 });
    holder.done();
    await bed.clock.advance(20_000);
    expect(outcome.value).toBe("done");
    await bed.clock.advance(100);
    expect(queue()).toEqual([]);
  });
});

describe("tryLock", () => {
  it("takes a lock that nobody has, for as long as it is used", async () => {
    const first = follow(tryLock(a, "x"));
    await bed.clock.advance(20);
    expect(first.value).toMatchObject({ name: "x", isHeld: true });
    await bed.clock.advance(60_000);
    expect(first.value!.isHeld).toBe(true);
    void first.value![Symbol.asyncDispose]();
    await bed.clock.advance(20);
    expect(queue()).toEqual([]);
  });

  it("answers with nothing, in one round trip, when somebody has it", async () => {
    holding(a);
    await bed.clock.advance(20);
    const first = follow(tryLock(b, "x"));
    await bed.clock.advance(20);
    expect([first.isSettled, first.value]).toEqual([true, undefined]);
    expect(b.calls).toEqual(["leaseGrant", "txn"]);
    expect(queue()).toHaveLength(1);
  });

  it("finds what it got when the answer was lost, though others wait by then", async () => {
    let lost = 0;
    a.fate = (kind) => {
      const isLost = kind === "txn" && lost < 1;
      if (isLost) lost += 1;
      return { thereMs: 1, backMs: isLost ? undefined : 1 };
    };
    const first = follow(tryLock(a, "x"));
    await bed.clock.advance(20);
    const waiting = holding(b);
    await bed.clock.advance(6_000);
    expect(first.value?.isHeld).toBe(true);
    expect(waiting.holder.lock).toBeUndefined();
  });
});

describe("the lease behind locks", () => {
  it("is one for all locks of a client, renewed for all at once", async () => {
    for (const name of ["p", "q", "r"]) void tryLock(a, name);
    await bed.clock.advance(10_000);
    expect(a.calls.filter((kind) => kind === "leaseGrant")).toHaveLength(1);
    expect(a.calls.filter((kind) => kind === "leaseKeepAlive")).toHaveLength(2);
  });

  it("is revoked when nothing has needed it for its time to live", async () => {
    const outcome = follow(withLock(a, "x", () => 1));
    await bed.clock.advance(20);
    expect(outcome.value).toBe(1);
    expect(await listed()).toHaveLength(1);
    await bed.clock.advance(10_100);
    expect(await listed()).toEqual([]);
    expect(a.calls.at(-1)).toBe("leaseRevoke");
  });

  it("makes room for another when it has too many locks", async () => {
    const locks = Array.from({ length: 401 }, (_, at) => follow(tryLock(a, `lock ${at}`)));
    await bed.clock.advance(100);
    expect(locks.every(({ value }) => value?.isHeld)).toBe(true);
    expect(a.calls.filter((kind) => kind === "leaseGrant")).toHaveLength(2);
  });
});

async function listed(): Promise<readonly number[]> {
  const found = follow(b.leases());
  await bed.clock.advance(20);
  return found.value ?? [];
}
