import { EngineError, type Term } from "@d-engine/core";
import { describe, expect, it } from "vitest";
import { Counters } from "../metrics.js";
import { VirtualClock } from "../testing/virtual-clock.js";
import { ClusterTime } from "./cluster-time.js";
import { KvKeeper } from "./kv-keeper.js";
import { LeaseBook } from "./testing/lease-book.js";
import type { UpkeepCommand } from "./timed-store.js";

const tickMs = 10;

interface Options {
  readonly commitMs?: number;
  readonly historyRetentionMs?: number;
}

/** A keeper over a lease book, whose log takes `commitMs` for each command. */
class Bench {
  readonly clock = new VirtualClock();
  readonly store = new LeaseBook();
  readonly counters = new Counters();
  readonly time = new ClusterTime(this.clock, {
    lastStampMs: 0,
    stampOf: (command) => command[0],
  });
  readonly proposed: UpkeepCommand[] = [];
  readonly stamps: number[] = [];
  term: Term | undefined = 1 as Term;
  allowed = true;
  /** Why the log takes nothing, and whether it may have taken it all the same. */
  fault: { readonly error: EngineError; readonly applied: boolean } | undefined;
  underWay = 0;
  underWayMax = 0;
  readonly keeper: KvKeeper;
  readonly #commitMs: number;

  constructor({ commitMs = 5, historyRetentionMs = 0 }: Options = {}) {
    this.#commitMs = commitMs;
    this.keeper = new KvKeeper({
      store: this.store,
      time: this.time,
      clock: this.clock,
      counters: this.counters,
      leadsIn: () => this.term,
      allowed: () => this.allowed,
      propose: (command, stampMs) => this.#propose(command, stampMs),
      historyRetentionMs,
    });
  }

  async run(forMs: number): Promise<void> {
    for (let passed = 0; passed < forMs; passed += tickMs) {
      this.keeper.tick();
      await this.clock.advance(tickMs);
    }
  }

  kinds(): string[] {
    return this.proposed.map(({ kind }) => kind);
  }

  #propose(command: UpkeepCommand, stampMs: number): Promise<void> {
    const { fault } = this;
    this.proposed.push(command);
    this.stamps.push(stampMs);
    if (fault !== undefined) {
      if (fault.applied) this.store.apply(command);
      return Promise.reject(fault.error);
    }
    if (command.kind !== "compact") {
      const bytes = { kind: "command", command: [stampMs] as unknown as Uint8Array } as const;
      const entry = { index: 1, term: 1, payload: bytes } as unknown as Parameters<
        ClusterTime["received"]
      >[0][number];
      this.time.received([entry], true);
    }
    this.underWay += 1;
    this.underWayMax = Math.max(this.underWayMax, this.underWay);
    return new Promise((resolve) => {
      this.clock.setTimer(this.#commitMs, () => {
        this.underWay -= 1;
        this.store.apply(command);
        resolve();
      });
    });
  }
}

describe("KvKeeper, expiry", () => {
  it("ends a lease when its deadline has come, never early, and soon (T1, T2)", async () => {
    const bench = new Bench();
    bench.store.grant(7, 1_000);
    let endedAtMs = 0;
    for (let at = 0; at < 200 && endedAtMs === 0; at += 1) {
      await bench.run(tickMs);
      if (bench.store.ended.length > 0) endedAtMs = bench.time.nowMs();
    }
    expect(bench.store.ended).toEqual([7]);
    expect(endedAtMs).toBeGreaterThanOrEqual(1_000);
    expect(endedAtMs).toBeLessThan(1_050);
    const expire = bench.proposed.findIndex(({ kind }) => kind === "expire");
    expect(bench.stamps[expire]).toBeGreaterThanOrEqual(1_000);
  });

  it("ends thousands at once in bounded commands, few of them under way (scenario 70)", async () => {
    const bench = new Bench({ commitMs: 5 });
    const leases = 5_000;
    for (let id = 1; id <= leases; id += 1) bench.store.grant(id, 1);
    // Five round trips, and no waiting for a tick in between.
    await bench.run(30);
    expect(bench.store.ended).toHaveLength(leases);
    expect(new Set(bench.store.ended).size).toBe(leases);
    expect(bench.underWayMax).toBe(4);
    expect(bench.counters.expiries).toBe(Math.ceil(leases / 256));
    const sizes = bench.proposed.map((command) =>
      command.kind === "expire" ? command.leases.length : 0,
    );
    expect(Math.max(...sizes)).toBe(256);
    // Each lease was named once: what is under way is not proposed again.
    expect(sizes.reduce((sum, size) => sum + size)).toBe(leases);
  });

  it("leaves a lease alone that was renewed while its end was under way (scenario 65)", async () => {
    const bench = new Bench({ commitMs: 30 });
    bench.store.grant(1, 1);
    bench.keeper.tick();
    await bench.clock.advance(10);
    bench.store.grant(1, 10_000);
    await bench.run(100);
    expect(bench.store.ended).toEqual([]);
    await bench.run(10_000);
    expect(bench.store.ended).toEqual([1]);
  });

  it.each([
    { name: "refused", error: new EngineError("RATE_LIMITED", "full"), applied: false },
    { name: "of unknown outcome", error: new EngineError("OUTCOME_UNKNOWN", "?"), applied: true },
    { name: "lost", error: new EngineError("OUTCOME_UNKNOWN", "?"), applied: false },
  ])("tries again by and by what was $name", async ({ error, applied }) => {
    const bench = new Bench();
    bench.store.grant(1, 1);
    bench.fault = { error, applied };
    await bench.run(1_000);
    const tries = bench.proposed.length;
    expect(tries).toBeGreaterThanOrEqual(applied ? 1 : 5);
    expect(tries).toBeLessThanOrEqual(20);
    const { upkeepRefused, upkeepUnknown } = bench.counters;
    expect(upkeepRefused + upkeepUnknown).toBe(tries);
    expect(upkeepUnknown > 0).toBe(error.outcome === "unknown");
    bench.fault = undefined;
    await bench.run(200);
    expect(bench.store.ended).toEqual([1]);
  });

  it("does nothing while the node does not lead, and begins anew in a new term", async () => {
    const bench = new Bench({ commitMs: 1_000_000 });
    bench.term = undefined;
    bench.store.grant(1, 1);
    await bench.run(100);
    expect(bench.proposed).toEqual([]);
    bench.term = 2 as Term;
    await bench.run(100);
    expect(bench.kinds()).toEqual(["expire"]);
    // What was under way in term 2 may never be heard of.
    bench.term = undefined;
    await bench.run(20);
    bench.term = 4 as Term;
    await bench.run(20);
    expect(bench.kinds()).toEqual(["expire", "expire"]);
  });
});

describe("KvKeeper, a leader of the past", () => {
  it("proposes no more when what it had under way ends", async () => {
    const bench = new Bench({ commitMs: 25 });
    for (let id = 1; id <= 3_000; id += 1) bench.store.grant(id, 1);
    await bench.run(10);
    expect(bench.proposed).toHaveLength(4);
    bench.term = undefined;
    await bench.run(100);
    expect(bench.store.ended).toHaveLength(1_024);
    expect(bench.proposed).toHaveLength(4);
  });
});

describe("KvKeeper, time", () => {
  it("writes the time at least every second while there are leases, and only then (R15)", async () => {
    const bench = new Bench();
    await bench.run(3_000);
    expect(bench.proposed).toEqual([]);
    bench.store.grant(1, 1_000_000);
    await bench.run(5_000);
    expect(new Set(bench.kinds())).toEqual(new Set(["time"]));
    const gaps = bench.stamps.slice(1).map((stamp, at) => stamp - (bench.stamps[at] ?? 0));
    expect(Math.max(...gaps)).toBeLessThan(1_000);
    expect(bench.proposed.length).toBeLessThan(12);
    expect(bench.counters.timeEntries).toBe(bench.proposed.length);
  });

  it("has at most one of them under way", async () => {
    const bench = new Bench({ commitMs: 10_000 });
    bench.store.grant(1, 1_000_000);
    await bench.run(5_000);
    expect(bench.kinds()).toEqual(["time"]);
  });
});

describe("KvKeeper, compaction", () => {
  it("gives up what the store has too much of", async () => {
    const bench = new Bench();
    bench.store.wantsCompaction = 40;
    await bench.run(100);
    expect(bench.proposed).toEqual([{ kind: "compact", revision: 40 }]);
    expect(bench.counters.compactions).toBe(1);
  });

  it("gives up history as old as the retention, not sooner, and not much later (R16)", async () => {
    const bench = new Bench({ historyRetentionMs: 1_600 });
    for (let second = 1; second <= 4; second += 1) {
      bench.store.revision = second * 10;
      await bench.run(1_000);
    }
    // Revision 10 was seen 4 s ago, 20 for 3 s, 30 for 2 s, 40 for 1 s.
    expect(bench.store.oldestRevision).toBe(30);
    await bench.run(800);
    expect(bench.store.oldestRevision).toBe(40);
  });

  it("knows ages from before it led, and leaves the store alone while members are behind (R14)", async () => {
    const bench = new Bench({ historyRetentionMs: 1_000 });
    bench.term = undefined;
    bench.store.revision = 10;
    await bench.run(1_200);
    bench.allowed = false;
    bench.term = 3 as Term;
    await bench.run(100);
    expect(bench.proposed).toEqual([]);
    bench.allowed = true;
    await bench.run(100);
    expect(bench.proposed).toEqual([{ kind: "compact", revision: 10 }]);
  });

  it("keeps history for ever with a retention of 0", async () => {
    const bench = new Bench({ historyRetentionMs: 0 });
    bench.store.revision = 10;
    await bench.run(10_000);
    expect(bench.proposed).toEqual([]);
  });
});
