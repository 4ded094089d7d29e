import { describe, expect, it } from "vitest";
import { endOf, oneKey, prefixed, startHub, takeAll } from "./testing/watched.js";

describe("scenario 67: one stuck reader among 1,000", () => {
  it("is ended and forgotten; the others are on time and lose nothing (W9)", async () => {
    const { clock, log, hub } = startHub({ watchEventsMax: 100 });
    const stuck = hub.watch(prefixed("k"));
    let late = 0;
    let received = 0;
    for (let at = 0; at < 999; at += 1) {
      const watch = hub.watch(prefixed("k"));
      let revision = 0;
      watch.onReadable = () => {
        const message = watch.take();
        if (message === undefined) return;
        if (message.revision !== revision + 1 || message.revision !== log.revision) late += 1;
        revision = message.revision;
        received += 1;
      };
    }
    for (let at = 0; at < 200; at += 1) {
      log.put("k", "v");
      await clock.turn();
    }
    expect({ late, received }).toEqual({ late: 0, received: 999 * 200 });
    expect(endOf(stuck)).toMatchObject({ code: "WATCH_BUFFER_OVERFLOW" });
    expect(hub.metrics()).toMatchObject({ watches: 999, watchesOverflowed: 1 });
  });
});

describe("10,000 watches of different keys", () => {
  it("cost a put a look at one of them", () => {
    const { log, hub } = startHub();
    const watches = Array.from({ length: 10_000 }, (_, at) => hub.watch(oneKey(`k${at}`)));
    log.put("k7000", "v");
    expect(watches.filter((watch) => takeAll(watch).length > 0)).toEqual([watches[7_000]]);
  });
});

describe("scenario 68: a watch from the past while the store moves on", () => {
  it("is told when compaction overtakes it, after what it was given (W9, etcd 18089)", async () => {
    const { clock, log, hub } = startHub({ watchSliceEvents: 10, watchEventsMax: 1_000 });
    for (let at = 0; at < 100; at += 1) log.put("k");
    const watch = hub.watch(oneKey("k", { startRevision: 1 }));
    await clock.advanceUntil(() => hub.metrics().watchSlices === 2);
    log.compact(60);
    await clock.turn();
    const message = watch.take();
    expect(message?.revision).toBeLessThan(59);
    expect(endOf(watch)).toMatchObject({
      code: "COMPACTED",
      oldestRevision: 60,
      message: `revision ${(message?.revision ?? 0) + 1} is compacted; the oldest one left is 60`,
    });
    expect(hub.metrics()).toMatchObject({ watches: 0, watchesCompacted: 1 });
  });

  it("is told also when its reader held it up", async () => {
    const { clock, log, hub } = startHub({ watchSliceEvents: 10, watchEventsMax: 20 });
    for (let at = 0; at < 100; at += 1) log.put("k");
    const watch = hub.watch(oneKey("k", { startRevision: 1 }));
    await clock.turn();
    log.compact(60);
    expect(takeAll(watch).flat()).toHaveLength(10);
    await clock.turn();
    expect(endOf(watch)).toMatchObject({ code: "COMPACTED", oldestRevision: 60 });
  });

  it("is not harmed by a compaction that ends where it stands", async () => {
    const { clock, log, hub } = startHub({ watchSliceEvents: 10 });
    for (let at = 0; at < 30; at += 1) log.put("k");
    const watch = hub.watch(oneKey("k", { startRevision: 11 }));
    log.compact(11);
    await clock.advanceUntil(() => hub.metrics().watchesBehind === 0);
    expect(takeAll(watch).flat()).toHaveLength(20);
  });

  it("a live one is not concerned by compaction at all, whatever it has unread", () => {
    const { log, hub } = startHub();
    const watch = hub.watch(oneKey("k"));
    for (let at = 0; at < 10; at += 1) log.put("k");
    log.compact(10);
    log.put("k");
    expect(takeAll(watch).flat()).toHaveLength(11);
  });

  it("goes on from the history of an installed snapshot, live or not (R16)", async () => {
    const { clock, log, hub } = startHub({ watchSliceEvents: 3 });
    for (let at = 1; at <= 10; at += 1) log.put("k", String(at));
    const live = hub.watch(oneKey("k"));
    const reading = hub.watch(oneKey("k", { startRevision: 2 }));
    log.put("k", "11");
    await clock.turn();
    log.install([[["k", "12"]], [["other", "13"]], [["k", undefined]]]);
    log.put("k", "15");
    await clock.advanceUntil(() => hub.metrics().watchesBehind === 0);
    const behind = ["11 k=11", "12 k=12", "14 k", "15 k=15"];
    expect(takeAll(live).flat()).toEqual(behind);
    expect(takeAll(reading).flat().slice(-4)).toEqual(behind);
    expect(takeAll(reading)).toEqual([]);
  });

  it("ends when the installed history begins too late for it, and only then (W9)", async () => {
    const { clock, log, hub } = startHub();
    log.put("k");
    const early = hub.watch(oneKey("k"));
    const future = hub.watch(oneKey("k", { startRevision: 4 }));
    log.put("k", "2");
    log.install([[["k", "3"]], [["k", "4"]], [["k", "5"]]], 4);
    await clock.turn();
    expect(takeAll(future).flat()).toEqual(["4 k=4", "5 k=5"]);
    expect(early.take()).toMatchObject({ kind: "events", revision: 2 });
    expect(endOf(early)).toMatchObject({ code: "COMPACTED", oldestRevision: 4 });
  });

  it("never goes back in time when the installed state is no newer (etcd 15271)", async () => {
    const { clock, log, hub } = startHub();
    for (let at = 1; at <= 3; at += 1) log.put("k", String(at));
    const watch = hub.watch(oneKey("k", { startRevision: 2 }));
    await clock.turn();
    log.install([]);
    await clock.turn();
    log.put("k", "4");
    expect(takeAll(watch).flat()).toEqual(["2 k=2", "3 k=3", "4 k=4"]);
  });
});

describe("scenario 69: a watch opened where it is delicate", () => {
  it("at the revision that is compacted to: that one is still there (etcd 19179)", async () => {
    const { clock, log, hub } = startHub();
    log.put("k", "1");
    log.put("k", "2");
    log.delete("k");
    log.put("other");
    log.compact(3);
    const watch = hub.watch(oneKey("k", { startRevision: 3, prevKv: true }));
    await clock.turn();
    expect(takeAll(watch)).toEqual([["3 k (2)"]]);
    expect(() => hub.watch(oneKey("k", { startRevision: 2 }))).toThrow(
      expect.objectContaining({ code: "COMPACTED" }),
    );
  });

  it("on a future revision: nothing that is older, not even while it is waited for (etcd 20221)", async () => {
    const { clock, log, hub } = startHub();
    log.put("k", "1");
    const watch = hub.watch(oneKey("k", { startRevision: 4 }));
    for (let at = 2; at <= 5; at += 1) log.put("k", String(at));
    await clock.turn();
    expect(takeAll(watch)).toEqual([["4 k=4", "5 k=5"]]);
  });

  it("on a node that lags: what it gets there is what comes behind its start", async () => {
    const ahead = startHub();
    const behind = startHub();
    const write = (at: number): void => ahead.log.put("k", String(at));
    for (let at = 1; at <= 5; at += 1) write(at);
    for (let at = 1; at <= 3; at += 1) behind.log.put("k", String(at));
    const first = ahead.hub.watch(oneKey("k", { startRevision: 5 }));
    await ahead.clock.turn();
    const { revision } = first.take() ?? { revision: 0 };
    const resumed = behind.hub.watch(oneKey("k", { startRevision: revision + 1 }));
    for (let at = 4; at <= 7; at += 1) behind.log.put("k", String(at));
    expect(takeAll(resumed)).toEqual([["6 k=6", "7 k=7"]]);
  });

  it("with writers that never pause: it is not starved (etcd 17529)", async () => {
    const { clock, log, hub } = startHub({ watchSliceEvents: 100 });
    for (let at = 0; at < 1_000; at += 1) log.put("k");
    const watch = hub.watch(oneKey("k", { startRevision: 1 }));
    let turns = 0;
    let received = 0;
    while (hub.metrics().watchesBehind > 0) {
      turns += 1;
      // A slice of 100 counts each event and its delivery, so that a turn is worth 50 of them.
      for (let at = 0; at < 30; at += 1) log.put("k");
      await clock.advanceUntil(() => hub.metrics().watchSlices === turns);
      received += takeAll(watch).flat().length;
    }
    expect(turns).toBeLessThan(60);
    expect(received + takeAll(watch).flat().length).toBe(log.revision);
  });
});
