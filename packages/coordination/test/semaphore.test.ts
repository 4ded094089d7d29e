import type { EngineError } from "@d-engine/core";
import { beforeEach, describe, expect, it } from "vitest";
import { type Permit, semaphore } from "../src/index.js";
import { type BedClient, follow, StoreBed } from "./bed/index.js";

let bed: StoreBed;
let clients: BedClient[];
beforeEach(() => {
  bed = new StoreBed();
  clients = Array.from({ length: 6 }, () => bed.client());
});

/** A holder of one of `limit` permits of `x`, until `done` is called. */
function holding(client: BedClient, limit: number, options = {}) {
  const holder = { permit: undefined as Permit | undefined, done: (): void => undefined };
  const work = (permit: Permit) =>
    new Promise<string>((resolve) => {
      holder.permit = permit;
      holder.done = () => resolve("done");
    });
  const outcome = follow(semaphore(client, "x", limit).withPermit(work, options));
  return { holder, outcome };
}

type Holding = ReturnType<typeof holding>;

/** All ask for one of `limit` permits, one after the other. */
async function queueUp(limit: number, options = {}): Promise<Holding[]> {
  const all: Holding[] = [];
  for (const client of clients) {
    all.push(holding(client, limit, options));
    await bed.clock.advance(10);
  }
  return all;
}

const queue = () => bed.keys("_coordination/semaphore/x/queue/");
const codeOf = (error: unknown) => (error as EngineError).code;
/** Who of them surely holds a permit. */
const held = (all: readonly Holding[]) =>
  all.flatMap(({ holder }, at) => (holder.permit?.isHeld ? [at] : []));

describe("semaphore", () => {
  it("costs two round trips uncontended, and one more for the first lease", async () => {
    const [client] = clients as [BedClient];
    const uses = semaphore(client, "x", 2);
    const first = follow(uses.withPermit(({ name }) => name));
    await bed.clock.advance(20);
    expect([first.value, client.calls]).toEqual(["x", ["leaseGrant", "txn", "delete"]]);
    client.calls.length = 0;
    const second = follow(uses.withPermit(() => 8));
    await bed.clock.advance(20);
    expect([second.value, client.calls, client.watches]).toEqual([8, ["txn", "delete"], 0]);
  });

  it("lets as many hold as the limit says, and the others in the order of asking", async () => {
    const all = await queueUp(2);
    expect(held(all)).toEqual([0, 1]);
    all[1]!.holder.done();
    await bed.clock.advance(20);
    expect(held(all)).toEqual([0, 2]);
    all[0]!.holder.done();
    all[2]!.holder.done();
    await bed.clock.advance(20);
    expect(held(all)).toEqual([3, 4]);
    const tokens = all.flatMap(({ holder }) => holder.permit?.token ?? []);
    expect(tokens).toEqual([...tokens].sort((one, other) => one - other));
    for (const { holder } of all) holder.done();
    await bed.clock.advance(20);
    all[5]!.holder.done();
    await bed.clock.advance(20);
    expect(all.map(({ outcome }) => outcome.value)).toEqual(all.map(() => "done"));
    expect(queue()).toEqual([]);
  });

  it("passes over who gives up waiting", async () => {
    const caller = new AbortController();
    const [a, b, c, d] = clients as [BedClient, BedClient, BedClient, BedClient];
    const all = [holding(a, 2), holding(b, 2)];
    await bed.clock.advance(20);
    const aborted = holding(c, 2, { signal: caller.signal });
    const late = holding(c, 2, { timeoutMs: 300 });
    await bed.clock.advance(20);
    all.push(holding(d, 2));
    await bed.clock.advance(20);
    caller.abort();
    await bed.clock.advance(400);
    expect([aborted.outcome.error, codeOf(late.outcome.error)]).toEqual([
      caller.signal.reason,
      "WAIT_TIMEOUT",
    ]);
    expect([queue().length, c.watches]).toEqual([3, 0]);
    all[0]!.holder.done();
    await bed.clock.advance(20);
    expect(held(all)).toEqual([1, 2]);
  });

  it("gives the permit of a holder that died to the next, and not before (R18)", async () => {
    const all = await queueUp(2, { ttlMs: 2_000 });
    const [dead, next] = [all[0]!.holder.permit!, all[2]!.holder];
    clients[0]!.cut();
    expect(await bed.clock.advanceUntil(() => dead.signal.aborted, 3_000)).toBe(true);
    expect([next.permit, held(all)]).toEqual([undefined, [1]]);
    expect(await bed.clock.advanceUntil(() => next.permit !== undefined, 1_000)).toBe(true);
    expect(held(all)).toEqual([1, 2]);
    await expect(dead.put("k", "v")).rejects.toMatchObject({ code: "LOCK_LOST" });
  });

  it("lets no waiter win whose lease has ended, and no other wait for it", async () => {
    const all = await queueUp(2, { ttlMs: 2_000 });
    clients[2]!.stop();
    await bed.clock.advance(4_000);
    all[0]!.holder.done();
    await bed.clock.advance(20);
    expect(held(all)).toEqual([1, 3]);
    clients[2]!.resume();
    await bed.clock.advance(500);
    // It has asked again, behind the others.
    expect([held(all), queue().length]).toEqual([[1, 3], 5]);
    all[1]!.holder.done();
    all[3]!.holder.done();
    await bed.clock.advance(20);
    expect(held(all)).toEqual([4, 5]);
    all[4]!.holder.done();
    await bed.clock.advance(20);
    expect(held(all)).toEqual([2, 5]);
  });

  it("lets a waiter whose key somebody has deleted ask again", async () => {
    const all = await queueUp(2);
    const [, , removed] = queue();
    void clients[5]!.delete(removed!);
    await bed.clock.advance(20);
    all[0]!.holder.done();
    await bed.clock.advance(20);
    expect([held(all), queue().length]).toEqual([[1, 3], 5]);
  });

  it("refuses another limit as long as somebody holds or waits by one, and names both", async () => {
    const [a, b] = clients as [BedClient, BedClient];
    const first = holding(a, 12);
    await bed.clock.advance(20);
    for (const limit of [1, 2, 11, 13, 120]) {
      const other = holding(b, limit);
      await bed.clock.advance(20);
      expect(codeOf(other.outcome.error)).toBe("INVALID_REQUEST");
      expect(String(other.outcome.error)).toContain(
        `semaphore "x" is in use with a limit of 12, and was asked for with ${limit}`,
      );
      const at = follow(semaphore(b, "x", limit).tryAcquire());
      await bed.clock.advance(20);
      expect(codeOf(at.error)).toBe("INVALID_REQUEST");
    }
    expect(queue()).toHaveLength(1);
    first.holder.done();
    await bed.clock.advance(20);
    const other = holding(b, 13);
    await bed.clock.advance(20);
    expect(other.holder.permit!.isHeld).toBe(true);
  });

  it("is none of the semaphores and locks whose names begin alike", async () => {
    const [a, b] = clients as [BedClient, BedClient];
    const names = ["x", "x/1", "x/queue/1", "xx"];
    const permits = names.map((name, at) => follow(semaphore(a, name, at + 1).tryAcquire()));
    permits.push(follow(semaphore(b, "x", 1).tryAcquire()));
    await bed.clock.advance(20);
    expect(permits.map(({ value }) => value?.isHeld)).toEqual([true, true, true, true, undefined]);
  });

  it("tries without waiting, and leaves nothing when there is no permit", async () => {
    const [a, b, c] = clients as [BedClient, BedClient, BedClient];
    const tries = [a, b, c].map((client) => follow(semaphore(client, "x", 2).tryAcquire()));
    await bed.clock.advance(20);
    expect(tries.map(({ value }) => value?.isHeld)).toEqual([true, true, undefined]);
    expect([queue().length, c.watches]).toEqual([2, 0]);
    void tries[0]!.value!.release();
    await bed.clock.advance(20);
    const again = follow(semaphore(c, "x", 2).tryAcquire());
    await bed.clock.advance(20);
    expect(again.value!.isHeld).toBe(true);
  });

  it("finds the permit that it tried for when the answer was lost", async () => {
    const [a, b, c] = clients as [BedClient, BedClient, BedClient];
    let lost = 0;
    a.fate = (kind) => {
      const isLost = kind === "txn" && lost < 1;
      if (isLost) lost += 1;
      return { thereMs: 1, backMs: isLost ? undefined : 1 };
    };
    const first = follow(semaphore(a, "x", 2).tryAcquire());
    await bed.clock.advance(20);
    const others = [holding(b, 2), holding(c, 2)];
    await bed.clock.advance(6_000);
    expect([first.value?.isHeld, held(others)]).toEqual([true, [0]]);
  });

  it.each([0, -1, 1.5, Number.NaN, 1_000_001, "3" as unknown as number])(
    "refuses a limit that is none: %s",
    (limit) => {
      expect(() => semaphore(clients[0]!, "x", limit)).toThrow(
        `the limit of semaphore "x" must be an integer from 1 to 1000000, got ${limit}`,
      );
    },
  );
});
