import { EngineError } from "@d-engine/core";
import { beforeEach, describe, expect, it } from "vitest";
import {
  elect,
  type Leader,
  type Leadership,
  type LeadershipLoss,
  observe,
  type RunAsLeaderOptions,
  runAsLeader,
} from "../src/index.js";
import { type BedClient, follow, StoreBed } from "./bed/index.js";

let bed: StoreBed;
let a: BedClient;
let b: BedClient;
beforeEach(() => {
  bed = new StoreBed();
  [a, b] = [bed.client(), bed.client()];
});

const queue = () => bed.keys("_coordination/election/x/");
const codeOf = (error: unknown) => (error as EngineError).code;
const text = ({ value }: { readonly value: Uint8Array }) => Buffer.from(value).toString();

describe("elect", () => {
  it("lets the first lead, and the next when it resigns, with a higher token", async () => {
    const first = follow(elect(a, "x", { value: "a" }));
    await bed.clock.advance(20);
    const second = follow(elect(b, "x", { value: "b" }));
    await bed.clock.advance(20);
    const leadership = first.value!;
    expect([leadership.name, leadership.isHeld, second.isSettled]).toEqual(["x", true, false]);
    leadership.assertHeld();
    void leadership.resign();
    expect([leadership.isHeld, leadership.signal.aborted]).toEqual([false, true]);
    await bed.clock.advance(20);
    expect(second.value!.token).toBeGreaterThan(leadership.token);
    void second.value![Symbol.asyncDispose]();
    await bed.clock.advance(20);
    expect(queue()).toEqual([]);
  });

  it("aborts the signal before the cluster lets another lead (R18)", async () => {
    const first = follow(elect(a, "x", { ttlMs: 1_000 }));
    await bed.clock.advance(20);
    const second = follow(elect(b, "x", { ttlMs: 1_000 }));
    await bed.clock.advance(20);
    a.cut();
    const { signal } = first.value!;
    expect(await bed.clock.advanceUntil(() => signal.aborted)).toBe(true);
    expect([codeOf(signal.reason), second.isSettled]).toEqual(["LOCK_LOST", false]);
    expect(await bed.clock.advanceUntil(() => second.isSettled, 2_000)).toBe(true);
  });

  it("fails at once, locally, after a stall, before any timer has run (R18)", async () => {
    const first = follow(elect(a, "x", { ttlMs: 1_000 }));
    await bed.clock.advance(20);
    const leadership = first.value!;
    a.stop();
    await bed.clock.advance(950);
    a.calls.length = 0;
    for (const call of [
      () => leadership.proclaim("v"),
      () => leadership.put("k", "v"),
      () => leadership.delete("k"),
      () => leadership.txn().commit(),
    ]) {
      await expect(call()).rejects.toMatchObject({ code: "LOCK_LOST" });
    }
    expect(a.calls).toEqual([]);
    expect(() => leadership.assertHeld()).toThrow('election "x"');
  });

  it("has the store refuse what a stale leader writes or proclaims, by its token", async () => {
    const first = follow(elect(a, "x", { value: "a" }));
    await bed.clock.advance(20);
    const second = follow(elect(b, "x", { value: "b" }));
    await bed.clock.advance(20);
    void b.delete(queue()[0]!);
    await bed.clock.advance(20);
    expect([first.value!.isHeld, second.value!.isHeld]).toEqual([true, true]);
    const stale = follow(first.value!.proclaim("still me"));
    await bed.clock.advance(20);
    expect([codeOf(stale.error), first.value!.isHeld, queue().length]).toEqual([
      "LOCK_LOST",
      false,
      1,
    ]);
  });

  it("takes no candidate for the leader whose lease has ended", async () => {
    const first = follow(elect(a, "x"));
    await bed.clock.advance(20);
    const dead = follow(elect(b, "x", { ttlMs: 1_000 }));
    const third = follow(elect(bed.client(), "x"));
    await bed.clock.advance(20);
    b.stop();
    await bed.clock.advance(2_000);
    void first.value!.resign();
    await bed.clock.advance(20);
    b.resume();
    await bed.clock.advance(500);
    expect([dead.isSettled, third.value?.isHeld]).toEqual([false, true]);
  });

  it("leaves nothing behind when it is aborted or has waited for too long", async () => {
    follow(elect(a, "x"));
    await bed.clock.advance(20);
    const caller = new AbortController();
    const aborted = follow(elect(b, "x", { signal: caller.signal }));
    const late = follow(elect(b, "x", { timeoutMs: 300 }));
    await bed.clock.advance(20);
    expect(queue()).toHaveLength(3);
    caller.abort();
    await bed.clock.advance(400);
    expect([aborted.error, codeOf(late.error)]).toEqual([caller.signal.reason, "WAIT_TIMEOUT"]);
    expect([queue().length, b.watches]).toEqual([1, 0]);
  });
});

describe("observe", () => {
  /** All that an observation has told. */
  function watched(client: BedClient, signal?: AbortSignal) {
    const seen: (Leader | undefined)[] = [];
    const end = follow(
      (async () => {
        for await (const leader of observe(client, "x", signal === undefined ? {} : { signal }))
          seen.push(leader);
      })(),
    );
    return { seen, end, told: () => seen.map((leader) => leader && text(leader)) };
  }

  it("tells of nobody, of each leader, and of what it proclaims", async () => {
    const { told, seen } = watched(bed.client());
    await bed.clock.advance(20);
    expect(told()).toEqual([undefined]);
    const first = follow(elect(a, "x", { value: "a" }));
    await bed.clock.advance(20);
    const second = follow(elect(b, "x", { value: "b" }));
    await bed.clock.advance(20);
    const { token } = first.value!;
    void first.value!.proclaim("a2");
    await bed.clock.advance(20);
    void first.value!.resign();
    await bed.clock.advance(20);
    void second.value!.resign();
    await bed.clock.advance(20);
    expect(told()).toEqual([undefined, "a", "a2", "b", undefined]);
    expect(seen.map((leader) => leader?.token)).toEqual([
      undefined,
      token,
      token,
      second.value!.token,
      undefined,
    ]);
    expect(seen[2]!.revision).toBeGreaterThan(token);
  });

  it("leaves out what was overtaken before it was taken", async () => {
    const leaders = observe(bed.client(), "x");
    const first = follow(elect(a, "x", { value: "a" }));
    await bed.clock.advance(20);
    void first.value!.proclaim("a2");
    await bed.clock.advance(20);
    const taken = follow(leaders.next());
    await bed.clock.advance(1);
    expect(text(taken.value!.value!)).toBe("a2");
  });

  it("says nothing of candidates who come and go behind the leader", async () => {
    follow(elect(a, "x", { value: "a" }));
    await bed.clock.advance(20);
    const { told } = watched(bed.client());
    const caller = new AbortController();
    follow(elect(b, "x", { signal: caller.signal }));
    await bed.clock.advance(20);
    caller.abort();
    await bed.clock.advance(20);
    expect(told()).toEqual(["a"]);
  });

  it("goes on where it was, and never back, over cuts, stale reads and compaction", async () => {
    const observer = bed.client();
    const { seen, told } = watched(observer);
    await bed.clock.advance(20);
    const first = follow(elect(a, "x", { value: "a" }));
    await bed.clock.advance(20);
    const second = follow(elect(b, "x", { value: "b" }));
    await bed.clock.advance(20);
    observer.cut();
    void first.value!.resign();
    await bed.clock.advance(20);
    expect(told()).toEqual([undefined, "a"]);
    bed.staleBy = 3;
    bed.compact(bed.machine.revision);
    observer.breakWatches(new EngineError("COMPACTED", "gone"));
    observer.heal();
    await bed.clock.advance(10_000);
    expect(told()).toEqual([undefined, "a", "b"]);
    void second.value!.proclaim("b2");
    await bed.clock.advance(500);
    expect(told()).toEqual([undefined, "a", "b", "b2"]);
    const revisions = seen.flatMap((leader) => (leader === undefined ? [] : [leader.revision]));
    expect(revisions).toEqual([...revisions].sort((one, other) => one - other));
  });

  it("ends with its signal, and with its client, and leaves no watch", async () => {
    const observer = bed.client();
    const caller = new AbortController();
    const one = watched(observer, caller.signal);
    await bed.clock.advance(20);
    expect(observer.watches).toBe(1);
    caller.abort();
    await bed.clock.advance(20);
    expect([one.end.error, observer.watches]).toEqual([caller.signal.reason, 0]);
    const other = watched(observer);
    await bed.clock.advance(20);
    void observer.close();
    await bed.clock.advance(20);
    expect(codeOf(other.end.error)).toBe("CLOSED");
  });

  it("releases its watch when the loop is left, and has one consumer", async () => {
    const observer = bed.client();
    const leaders = observe(observer, "x");
    await bed.clock.advance(20);
    expect((await leaders.next()).value).toBeUndefined();
    const waiting = follow(leaders.next());
    await expect(leaders.next()).rejects.toMatchObject({ code: "INVALID_REQUEST" });
    await leaders.return?.();
    await bed.clock.advance(20);
    expect([waiting.value, observer.watches]).toEqual([{ done: true, value: undefined }, 0]);
    expect(await leaders.next()).toEqual({ done: true, value: undefined });
  });
});

describe("runAsLeader", () => {
  /** One that leads until `end` or `fail` is called, each time anew. */
  function standing(client: BedClient, options: RunAsLeaderOptions = {}) {
    const state = {
      led: [] as Leadership[],
      losses: [] as LeadershipLoss[],
      end: (_: string): void => undefined,
      fail: (_: unknown): void => undefined,
    };
    const work = (leadership: Leadership) =>
      new Promise<string>((resolve, reject) => {
        state.led.push(leadership);
        state.end = resolve;
        state.fail = reject;
      });
    const onLost = (loss: LeadershipLoss) => void state.losses.push(loss);
    const outcome = follow(runAsLeader(client, "x", work, { onLost, ...options }));
    return { state, outcome };
  }

  it("ends with the work, and lets the next lead", async () => {
    const one = standing(a);
    await bed.clock.advance(20);
    const other = standing(b);
    await bed.clock.advance(20);
    expect([one.state.led.length, other.state.led.length]).toEqual([1, 0]);
    one.state.end("done");
    await bed.clock.advance(20);
    expect([one.outcome.value, other.state.led.length, one.state.losses]).toEqual(["done", 1, []]);
    const broken = new Error("broken");
    other.state.fail(broken);
    await bed.clock.advance(20);
    expect([other.outcome.error, queue()]).toEqual([broken, []]);
  });

  it.each([
    { name: "resolves", finish: (state: { end(_: string): void }) => state.end("x") },
    {
      name: "rejects",
      finish: (state: { fail(_: unknown): void }) => state.fail(new Error("aborted")),
    },
  ])("stands again after a loss, once the work $name", async ({ name, finish }) => {
    const one = standing(a, { ttlMs: 1_000 });
    await bed.clock.advance(20);
    const other = standing(b, { ttlMs: 1_000 });
    await bed.clock.advance(20);
    a.cut();
    const [lost] = one.state.led;
    expect(await bed.clock.advanceUntil(() => lost!.signal.aborted, 2_000)).toBe(true);
    expect(other.state.led).toEqual([]);
    a.heal();
    await bed.clock.advance(2_000);
    // Never before its own work has ended, though it could.
    expect([other.state.led.length, queue().length, one.state.losses]).toEqual([1, 1, []]);
    finish(one.state);
    await bed.clock.advance(20);
    expect(queue()).toHaveLength(2);
    const failure = name === "rejects" ? new Error("aborted") : undefined;
    expect(one.state.losses).toEqual([
      { name: "x", token: lost!.token, reason: lost!.signal.reason, failure },
    ]);
    other.state.end("done");
    await bed.clock.advance(20);
    expect(one.state.led[1]!.token).toBeGreaterThan(other.state.led[0]!.token);
    expect([one.outcome.isSettled, one.state.led[1]!.isHeld]).toEqual([false, true]);
  });

  it("knows a loss after a stall, whatever its timers have done", async () => {
    const { state, outcome } = standing(a, { ttlMs: 1_000 });
    await bed.clock.advance(20);
    a.stop();
    await bed.clock.advance(950);
    state.end("too late");
    await bed.clock.turn();
    a.resume();
    await bed.clock.advance(500);
    expect([outcome.isSettled, state.losses.length, state.led.length]).toEqual([false, 1, 2]);
  });

  it("is over when its work has resigned, and not lost", async () => {
    const { state, outcome } = standing(a);
    await bed.clock.advance(20);
    await Promise.all([state.led[0]!.resign(), bed.clock.advance(20)]);
    state.end("resigned");
    await bed.clock.advance(20);
    expect([outcome.value, state.losses, state.led.length]).toEqual(["resigned", [], 1]);
  });

  it("ends with its signal: at once while it stands, with the work while it leads", async () => {
    const caller = new AbortController();
    const one = standing(a, { signal: caller.signal });
    await bed.clock.advance(20);
    const other = standing(b, { signal: caller.signal });
    await bed.clock.advance(20);
    caller.abort();
    await bed.clock.advance(20);
    expect(other.outcome.error).toBe(caller.signal.reason);
    expect([one.outcome.isSettled, one.state.led[0]!.signal.reason]).toEqual([
      false,
      caller.signal.reason,
    ]);
    one.state.end("tidied up");
    await bed.clock.advance(20);
    expect([one.outcome.value, queue()]).toEqual(["tidied up", []]);
  });

  it("stands again through an outage that answers with refusals", async () => {
    const caller = new AbortController();
    a.cut();
    const one = standing(a, { signal: caller.signal });
    await bed.clock.advance(60_000);
    expect([one.outcome.isSettled, one.state.led.length]).toEqual([false, 0]);
    a.heal();
    await bed.clock.advance(20_000);
    expect(one.state.led).toHaveLength(1);
    const [lead] = one.state.led;
    expect(lead!.isHeld).toBe(true);
  });

  it("rejects with what is refused for good", async () => {
    const { outcome } = standing(a, { ttlMs: 5 });
    await bed.clock.advance(20);
    expect(codeOf(outcome.error)).toBe("INVALID_REQUEST");
  });

  it.each([
    { name: "shorter than the lease", downMs: 3_000, isKept: true },
    { name: "longer than the lease", downMs: 30_000, isKept: false },
  ])("#73 has one leader over a restart of all servers, $name", async ({ downMs, isKept }) => {
    const all = [a, b, bed.client(), bed.client()].map((client) => standing(client));
    const observer = bed.client();
    const seen: (Leader | undefined)[] = [];
    follow(
      (async () => {
        for await (const leader of observe(observer, "x")) seen.push(leader);
      })(),
    );
    await bed.clock.advance(50);
    const leading = () => all.flatMap(({ state }) => state.led.filter(({ isHeld }) => isHeld));
    const tokens: number[] = [];
    const check = () => {
      const now = leading();
      expect(now.length).toBeLessThanOrEqual(1);
      for (const { token } of now) if (tokens.at(-1) !== token) tokens.push(token);
      // Work that is told of its loss ends.
      for (const { state } of all) if (state.led.at(-1)?.signal.aborted) state.end("lost");
    };
    check();
    bed.goDown();
    for (let elapsed = 0; elapsed < downMs; elapsed += 100) {
      await bed.clock.advance(100);
      check();
    }
    bed.comeUp();
    for (let elapsed = 0; elapsed < 60_000; elapsed += 20) {
      await bed.clock.advance(20);
      check();
    }
    expect(leading()).toHaveLength(1);
    expect(all.flatMap(({ state }) => state.led)).toHaveLength(isKept ? 1 : 2);
    expect(tokens).toEqual([...tokens].sort((one, other) => one - other));
    expect(seen.at(-1)!.token).toBe(tokens.at(-1));
    expect(queue()).toHaveLength(all.length);
  });
});
