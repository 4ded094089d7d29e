import { describe, expect, it } from "vitest";
import type { WatchMessage } from "./local-watch.js";
import {
  between,
  endOf,
  eventText,
  oneKey,
  prefixed,
  startHub,
  takeAll,
} from "./testing/watched.js";

describe("a live watch", () => {
  it("gets the events of its keys alone: of a key, a prefix, a range", () => {
    const { log, hub } = startHub();
    const watches = [oneKey("b"), prefixed("b"), between("a", "b"), prefixed("")];
    const open = watches.map((spec) => hub.watch(spec));
    log.put("a", "1");
    log.put("b", "2");
    log.put("ba", "3");
    log.put("c", "4");
    expect(open.map((watch) => takeAll(watch).flat())).toEqual([
      ["2 b=2"],
      ["2 b=2", "3 ba=3"],
      ["1 a=1"],
      ["1 a=1", "2 b=2", "3 ba=3", "4 c=4"],
    ]);
  });

  it("begins now: nothing older, and it says behind which revision (W3)", () => {
    const { log, hub } = startHub();
    log.put("k", "old");
    const watch = hub.watch(oneKey("k"));
    log.put("k", "new");
    expect(watch.revision).toBe(1);
    expect(takeAll(watch)).toEqual([["2 k=new"]]);
  });

  it("says what was there before if it is asked to, and only then (W7)", () => {
    const { log, hub } = startHub();
    const plain = hub.watch(oneKey("k"));
    const withPrevious = hub.watch(oneKey("k", { prevKv: true }));
    log.put("k", "1");
    log.put("k", "2");
    log.delete("k");
    log.put("k", "3");
    expect(takeAll(plain).flat()).toEqual(["1 k=1", "2 k=2", "3 k", "4 k=3"]);
    expect(takeAll(withPrevious).flat()).toEqual(["1 k=1", "2 k=2 (1)", "3 k (2)", "4 k=3"]);
  });

  it("leaves out puts or deletes (W8)", () => {
    const { log, hub } = startHub();
    const noPut = hub.watch(oneKey("k", { noPut: true }));
    const noDelete = hub.watch(oneKey("k", { noDelete: true }));
    const neither = hub.watch(oneKey("k", { noPut: true, noDelete: true }));
    log.put("k", "1");
    log.delete("k");
    expect(takeAll(noPut)).toEqual([["2 k"]]);
    expect(takeAll(noDelete)).toEqual([["1 k=1"]]);
    expect(takeAll(neither)).toEqual([]);
  });

  it("hands over whole revisions, in order, once each (W1, W2, W4)", () => {
    const { log, hub } = startHub();
    const watch = hub.watch(prefixed(""));
    log.change(["a", "1"], ["b", "1"]);
    log.change(["a", "2"], ["b", "2"], ["c", "2"]);
    // Room for one event, but not for the two of a revision.
    expect(takeAll(watch, 70)).toEqual([
      ["1 a=1", "1 b=1"],
      ["2 a=2", "2 b=2", "2 c=2"],
    ]);
    expect(takeAll(watch)).toEqual([]);
  });

  it("takes several revisions together where they fit", () => {
    const { log, hub } = startHub();
    const watch = hub.watch(prefixed(""));
    for (let at = 1; at <= 5; at += 1) log.put("k", String(at));
    expect(takeAll(watch, 2 * 66)).toEqual([["1 k=1", "2 k=2"], ["3 k=3", "4 k=4"], ["5 k=5"]]);
  });
});

describe("readers", () => {
  it("are told in a turn of their own, never while an event is put in", async () => {
    const { clock, log, hub } = startHub();
    const watch = hub.watch(oneKey("k"));
    let told = 0;
    watch.onReadable = () => (told += 1);
    log.put("k", "1");
    log.put("k", "2");
    expect(told).toBe(0);
    await clock.turn();
    expect(told).toBe(1);
  });

  it("are told in several turns where there are many", async () => {
    const { clock, log, hub } = startHub({ watchSliceEvents: 10 });
    let told = 0;
    for (let at = 0; at < 25; at += 1) hub.watch(oneKey("k")).onReadable = () => (told += 1);
    log.put("k");
    const counts: number[] = [];
    await clock.advanceUntil(() => counts.push(told) > 0 && told === 25);
    expect(new Set(counts)).toEqual(new Set([0, 10, 20, 25]));
  });

  it("read with for await, and release the watch when they leave the loop", async () => {
    const { clock, log, hub } = startHub();
    const watch = hub.watch(oneKey("k"));
    const seen: string[] = [];
    const reading = (async () => {
      for await (const message of watch) {
        if (message.kind === "events") seen.push(...message.events.map(eventText));
        if (seen.length === 2) break;
      }
    })();
    log.put("k", "1");
    await clock.turn();
    log.put("k", "2");
    await clock.turn();
    await reading;
    expect(seen).toEqual(["1 k=1", "2 k=2"]);
    expect(hub.metrics().watches).toBe(0);
  });

  it("are one for each watch", async () => {
    const { hub } = startHub();
    const watch = hub.watch(oneKey("k"));
    watch[Symbol.asyncIterator]();
    expect(() => watch[Symbol.asyncIterator]()).toThrow(/one reader/);
    void watch.next();
    await expect(watch.next()).rejects.toMatchObject({ code: "INVALID_REQUEST" });
  });

  it("whose wait is cut short by a close are told that it is over", async () => {
    const { hub } = startHub();
    const watch = hub.watch(oneKey("k"));
    const waiting = watch.next();
    watch.close();
    watch.close();
    expect(await waiting).toEqual({ done: true, value: undefined });
    expect(await watch.next()).toEqual({ done: true, value: undefined });
    expect(takeAll(watch)).toEqual([]);
  });

  it("get the reason of an aborted signal, once, and the signal is let go of", async () => {
    const { clock, log, hub } = startHub();
    const abort = new AbortController();
    const watch = hub.watch(oneKey("k"), { signal: abort.signal });
    log.put("k");
    abort.abort(new Error("enough"));
    await clock.turn();
    await expect(watch.next()).rejects.toThrow("enough");
    expect(await watch.next()).toEqual({ done: true, value: undefined });
    expect(hub.metrics().watches).toBe(0);
    expect(() => hub.watch(oneKey("k"), { signal: abort.signal })).toThrow("enough");
  });

  it("get what is there when the hub closes, and then why it closed", async () => {
    const { clock, log, hub } = startHub();
    const watch = hub.watch(oneKey("k"));
    const idle = hub.watch(oneKey("k")).next();
    log.put("k");
    hub.close(new Error("the node stops"));
    hub.close(new Error("again"));
    expect(takeAllUntilEnd(watch)).toEqual(["1 k="]);
    expect(endOf(watch)).toMatchObject({ message: "the node stops" });
    await clock.turn();
    expect(((await idle).value as WatchMessage).kind).toBe("events");
    expect(() => hub.watch(oneKey("k"))).toThrow("the node stops");
    log.put("k");
  });
});

describe("progress", () => {
  it("comes on request, behind everything that it speaks of (W6, etcd 15220)", () => {
    const { log, hub } = startHub();
    const watch = hub.watch(oneKey("k"));
    log.put("other");
    watch.requestProgress();
    log.put("k", "2");
    log.put("other");
    expect(takeAll(watch)).toEqual([["2 k=2"], 3]);
    expect(takeAll(watch)).toEqual([]);
  });

  it("comes by itself where it is wanted and nothing else has come", async () => {
    const { clock, log, hub } = startHub({ watchProgressMs: 1_000 });
    const watch = hub.watch(oneKey("k", { progress: true }));
    const silent = hub.watch(oneKey("k"));
    log.put("other");
    await clock.advance(1_001);
    expect(takeAll(watch)).toEqual([1]);
    log.put("k");
    expect(takeAll(watch)).toEqual([["2 k="]]);
    await clock.advance(1_000);
    expect(takeAll(watch)).toEqual([]);
    await clock.advance(1_000);
    expect(takeAll(watch)).toEqual([2]);
    expect(takeAll(silent)).toEqual([["2 k="]]);
    watch.close();
    await clock.turn();
    expect(clock.pending).toBe(0);
  });

  it("of a watch in its history tells how far that was read (W6)", async () => {
    const { clock, log, hub } = startHub({ watchSliceEvents: 2 });
    for (let at = 1; at <= 6; at += 1) log.put("other");
    const watch = hub.watch(oneKey("k", { startRevision: 1 }));
    watch.requestProgress();
    expect(takeAll(watch)).toEqual([0]);
    await clock.turn();
    watch.requestProgress();
    expect(takeAll(watch)).toEqual([6]);
  });

  it("of a watch that begins in the future stays behind its beginning", () => {
    const { log, hub } = startHub();
    log.put("k");
    const watch = hub.watch(oneKey("k", { startRevision: 10 }));
    watch.requestProgress();
    expect(watch.revision).toBe(9);
    expect(takeAll(watch)).toEqual([9]);
  });
});

describe("a watch from the past", () => {
  it("reads the history and goes on with the present, without gap or repeat (W3, W5)", async () => {
    const { clock, log, hub } = startHub({ watchSliceEvents: 3 });
    for (let at = 1; at <= 10; at += 1) log.put("k", String(at));
    const watch = hub.watch(oneKey("k", { startRevision: 4 }));
    const seen: string[] = [];
    for (let at = 11; at <= 20; at += 1) {
      log.put("k", String(at));
      seen.push(...takeAll(watch).flat().map(String));
      await clock.turn();
    }
    seen.push(...takeAll(watch).flat().map(String));
    const revisions = Array.from({ length: 17 }, (_, at) => at + 4);
    expect(seen).toEqual(revisions.map((revision) => `${revision} k=${revision}`));
    expect(hub.metrics().watchesBehind).toBe(0);
  });

  it("is given a slice of the history in a turn", async () => {
    const { clock, log, hub } = startHub({ watchSliceEvents: 10 });
    for (let at = 0; at < 100; at += 1) log.put("other");
    hub.watch(oneKey("k", { startRevision: 1 }));
    const steps: number[] = [];
    await clock.advanceUntil(() => {
      steps.push(log.visited);
      return hub.metrics().watchesBehind === 0;
    });
    for (const [at, visited] of steps.entries()) {
      expect(visited - (steps[at - 1] ?? 0)).toBeLessThanOrEqual(11);
    }
  });

  it("shares its walk with all others: 1,000 that come back cost about one", async () => {
    const { clock, log, hub } = startHub({ watchSliceEvents: 100 });
    for (let at = 0; at < 1_000; at += 1) log.put(`k${at}`);
    const watches = Array.from({ length: 1_000 }, (_, at) =>
      hub.watch(oneKey(`k${at}`, { startRevision: 1 + (at % 7) })),
    );
    await clock.advanceUntil(() => hub.metrics().watchesBehind === 0);
    expect(watches.filter((watch, at) => at >= 7 && takeAll(watch).length !== 1)).toEqual([]);
    expect(log.visited).toBeLessThan(5_000);
  });

  it("does not wait for one that has a longer way", async () => {
    const { clock, log, hub } = startHub({ watchSliceEvents: 10 });
    for (let at = 0; at < 1_000; at += 1) log.put("k");
    const far = hub.watch(prefixed("", { startRevision: 1 }));
    const near = hub.watch(oneKey("k", { startRevision: 999 }));
    await clock.advanceUntil(() => hub.metrics().watchSlices === 2);
    expect(takeAll(near)).toEqual([["999 k=", "1000 k="]]);
    expect(far.take()).toMatchObject({ kind: "events", revision: 5 });
  });

  it("waits for its reader instead of overflowing, and is then live with room to spare", async () => {
    const { clock, log, hub } = startHub({ watchEventsMax: 10, watchSliceEvents: 3 });
    for (let at = 1; at <= 30; at += 1) log.put("k");
    const watch = hub.watch(oneKey("k", { startRevision: 1 }));
    await clock.turn();
    expect(hub.metrics()).toMatchObject({ watchesBehind: 1, watchesOverflowed: 0 });
    let seen = 0;
    while (hub.metrics().watchesBehind > 0) {
      const taken = takeAll(watch).flat().length;
      expect(taken).toBeLessThanOrEqual(5);
      seen += taken;
      await clock.turn();
    }
    expect(seen + takeAll(watch).flat().length).toBe(30);
  });

  it("stays in the history while its buffer could not take a burst", async () => {
    const { clock, log, hub } = startHub({ watchEventsMax: 10 });
    for (let at = 1; at <= 5; at += 1) log.put("k");
    const watch = hub.watch(oneKey("k", { startRevision: 1 }));
    await clock.turn();
    for (let at = 6; at <= 15; at += 1) log.put("k");
    expect(takeAll(watch).flat()).toHaveLength(5);
    await clock.turn();
    expect(takeAll(watch).flat()).toHaveLength(5);
    expect(hub.metrics().watchesOverflowed).toBe(0);
  });

  it("gets the whole of a revision that is larger than its buffer (W4)", async () => {
    const { clock, log, hub } = startHub({ watchEventsMax: 3, watchSliceEvents: 2 });
    log.put("a");
    log.change(["a", "2"], ["b", "2"], ["c", "2"], ["d", "2"], ["e", "2"]);
    log.put("a", "3");
    const watch = hub.watch(prefixed("", { startRevision: 1 }));
    const seen: unknown[] = [];
    for (let turn = 0; turn < 5; turn += 1) {
      await clock.turn();
      seen.push(...takeAll(watch, 1));
    }
    expect(seen).toEqual([["1 a="], ["2 a=2", "2 b=2", "2 c=2", "2 d=2", "2 e=2"], ["3 a=3"]]);
  });

  it("is refused with the oldest revision when that lies later (W9)", () => {
    const { log, hub } = startHub();
    for (let at = 0; at < 10; at += 1) log.put("k");
    log.compact(5);
    expect(() => hub.watch(oneKey("k", { startRevision: 4 }))).toThrow(
      expect.objectContaining({ code: "COMPACTED", oldestRevision: 5 }),
    );
    expect(hub.metrics()).toMatchObject({ watches: 0, watchesCompacted: 1 });
  });
});

describe("bounds", () => {
  it.each([
    { name: "events", options: { watchEventsMax: 3 }, fits: 3 },
    { name: "bytes", options: { watchBytesMax: 3 * 70 }, fits: 3 },
  ])("end a watch that has too many $name unread, and no other (W9)", ({ options, fits }) => {
    const { log, hub } = startHub(options);
    const slow = hub.watch(oneKey("k"));
    const fast = hub.watch(oneKey("k"));
    for (let at = 1; at <= fits; at += 1) log.put("k", "value");
    expect(hub.metrics().watchesOverflowed).toBe(0);
    expect(takeAll(fast).flat()).toHaveLength(fits);
    log.put("k", "value");
    expect(endOf(slow)).toMatchObject({ code: "WATCH_BUFFER_OVERFLOW" });
    expect(hub.metrics()).toMatchObject({ watches: 1, watchesOverflowed: 1 });
    expect(takeAll(fast).flat()).toHaveLength(1);
  });

  it("are not split over: a revision that does not fit is dropped whole (W4)", () => {
    const { log, hub } = startHub({ watchEventsMax: 3 });
    const watch = hub.watch(prefixed(""));
    log.change(["a", "1"], ["b", "1"]);
    log.change(["a", "2"], ["b", "2"]);
    expect(endOf(watch)).toMatchObject({ code: "WATCH_BUFFER_OVERFLOW" });
  });

  it("let one large revision in, so that a watch can always get past it", () => {
    const { log, hub } = startHub({ watchEventsMax: 2 });
    const watch = hub.watch(prefixed(""));
    log.change(["a", "1"], ["b", "1"], ["c", "1"]);
    expect(takeAll(watch).flat()).toHaveLength(3);
  });

  it("limit the number of watches, and say when to come back", () => {
    const { hub } = startHub({ watchesMax: 2 });
    const first = hub.watch(oneKey("k"));
    hub.watch(oneKey("k"));
    expect(() => hub.watch(oneKey("k"))).toThrow(
      expect.objectContaining({ code: "RATE_LIMITED", retryAfterMs: 1_000 }),
    );
    first.close();
    hub.watch(oneKey("k"));
    expect(hub.metrics()).toMatchObject({ watches: 2, watchesOpened: 3, watchesRefused: 1 });
  });

  it.each([-1, 1.5, Number.NaN, 2 ** 53])("refuse %s as a start", (startRevision) => {
    const { hub } = startHub();
    expect(() => hub.watch(oneKey("k", { startRevision }))).toThrow(
      expect.objectContaining({ code: "INVALID_REQUEST" }),
    );
  });
});

function takeAllUntilEnd(watch: Parameters<typeof takeAll>[0]): string[] {
  const message = watch.take();
  return message?.kind === "events" ? message.events.map(eventText) : [];
}

describe("a watch that needs a leader", () => {
  it("is sent elsewhere by a node that has heard none for long, and refused (W3, seed 168)", () => {
    const { log, hub } = startHub();
    const local = hub.watch(oneKey("k"));
    const remote = hub.watch(oneKey("k", { needsLeader: true }));
    hub.review(4_999);
    log.put("k", "1");
    expect(takeAll(remote)).toEqual([["1 k=1"]]);
    hub.review(5_000);
    expect(endOf(remote)).toMatchObject({ code: "CLUSTER_UNAVAILABLE" });
    const again = () => hub.watch(oneKey("k", { needsLeader: true }));
    expect(again).toThrow("has heard no leader for 5 s");
    expect(takeAll(local)).toEqual([["1 k=1"]]);
    hub.review(0);
    log.put("k", "2");
    expect(takeAll(again())).toEqual([]);
    expect(takeAll(local)).toEqual([["2 k=2"]]);
  });
});
