import { describe, expect, it } from "vitest";
import { put, text, utf8 } from "./testing/commands.js";
import { ManualStorage } from "./testing/manual-storage.js";
import { follow, told } from "./testing/outcome.js";
import { type RunningKvNode, startKvNode, startLeader } from "./testing/start-kv-node.js";
import { VirtualClock } from "./testing/virtual-clock.js";

const key = utf8("k");

/** A node that leads, but whose noop is not durable yet. */
async function startUnready(): Promise<RunningKvNode> {
  const clock = new VirtualClock();
  const storage = new ManualStorage(clock);
  storage.automatic = false;
  const running = await startKvNode({ clock, storage });
  storage.sync(1); // term and vote
  expect(running.node.status()).toMatchObject({ role: "leader", leaderReady: false });
  return running;
}

describe("Driver.read", () => {
  it("serves an eventual read at once, from what is applied", async () => {
    const { clock, node, storage } = await startLeader();
    const first = follow(node.write(put("k", "1")));
    await clock.advance(1);
    storage.automatic = false;
    const second = follow(node.write(put("k", "2")));
    await clock.turn();
    const values: (string | undefined)[] = [];
    const read = follow(
      node.readWith((store) => values.push(text(store.get(key))), { consistency: "eventual" }),
    );
    expect(values).toEqual(["1"]);
    await clock.turn();
    expect([told(first()), told(second()), told(read())]).toEqual([
      "resolved",
      "pending",
      "resolved",
    ]);
  });

  it("lets a linearizable read see every write acknowledged before it (I10)", async () => {
    const { clock, node } = await startLeader();
    const seen: unknown[] = [];
    const done = (async () => {
      for (let at = 1; at <= 20; at += 1) {
        await node.write(put("k", String(at)));
        const [value] = await node.read([key], { consistency: "linearizable" });
        seen.push(text(value));
      }
    })();
    const finished = follow(done);
    await clock.advanceUntil(() => finished().kind !== "pending", 1_000);
    expect(seen).toEqual(Array.from({ length: 20 }, (_, at) => String(at + 1)));
  });

  it("gathers the linearizable reads of one turn into one request to the core", async () => {
    const { clock, node } = await startLeader();
    await clock.advance(1);
    const { steps } = node.driver.metrics();
    const reads = Array.from({ length: 50 }, () => follow(node.read([key])));
    await clock.turn();
    expect(reads.every((read) => read().kind === "resolved")).toBe(true);
    expect(node.driver.metrics().steps).toBe(steps + 1);
  });

  it("does not serve a linearizable read while the noop of the term is not durable (scenario 37)", async () => {
    const { clock, node, storage } = await startUnready();
    const read = follow(node.read([key]));
    await clock.advance(100);
    expect(told(read())).toBe("pending");
    storage.automatic = true;
    storage.sync();
    await clock.advance(100);
    expect(told(read())).toBe("resolved");
  });

  it("reads the value before it looks at the clock for a lease (R1, scenario 38)", async () => {
    const { clock, node } = await startLeader();
    const order: string[] = [];
    const nowMs = clock.nowMs.bind(clock);
    await clock.advance(1);
    const read = follow(
      node.readWith(
        () => {
          order.push("value");
          clock.nowMs = () => {
            order.push("clock");
            return nowMs();
          };
        },
        { consistency: "lease" },
      ),
    );
    clock.nowMs = nowMs;
    await clock.turn();
    expect(told(read())).toBe("resolved");
    expect(order).toEqual(["value", "clock"]);
    expect(node.driver.metrics()).toMatchObject({ readsLease: 1, leaseFallbacks: 0 });
  });

  it("takes the linearizable way when a leader holds no lease, and reads again", async () => {
    const { clock, node, storage } = await startUnready();
    let calls = 0;
    const read = follow(
      node.readWith(
        () => {
          calls += 1;
        },
        { consistency: "lease" },
      ),
    );
    await clock.advance(20);
    expect([told(read()), calls]).toEqual(["pending", 1]);
    storage.automatic = true;
    storage.sync();
    await clock.advance(20);
    expect([told(read()), calls]).toEqual(["resolved", 2]);
    expect(node.driver.metrics()).toMatchObject({ readsLease: 0, leaseFallbacks: 1 });
  });

  it.each([
    { consistency: "lease", expected: "NOT_LEADER rejected" },
    { consistency: "linearizable", expected: "CLUSTER_UNAVAILABLE rejected" },
    { consistency: "eventual", expected: "resolved" },
  ] as const)("answers a $consistency read without a leader: $expected", async (sample) => {
    const { clock, node } = await startKvNode({ voters: ["a:1", "b:2", "c:3"] });
    const read = follow(node.read([key], { consistency: sample.consistency }));
    await clock.turn();
    expect(told(read())).toBe(sample.expected);
  });

  it.each([
    { name: "an unknown consistency", options: { consistency: "strong" as "lease" } },
    { name: "a consistency of another type", options: { consistency: 1 as unknown as "lease" } },
  ])("refuses $name", async ({ options }) => {
    const { clock, node } = await startLeader();
    const read = follow(node.read([key], options));
    await clock.turn();
    expect(told(read())).toBe("INVALID_REQUEST rejected");
  });

  it.each([
    { name: "an empty key", bytes: new Uint8Array(0) },
    { name: "an oversized key", bytes: new Uint8Array(4097) },
  ])("refuses $name at every level", async ({ bytes }) => {
    const { clock, node } = await startLeader();
    const reads = (["linearizable", "lease", "eventual"] as const).map((consistency) =>
      follow(node.read([bytes], { consistency })),
    );
    await clock.turn();
    expect(reads.map((read) => told(read()))).toEqual([
      "INVALID_REQUEST rejected",
      "INVALID_REQUEST rejected",
      "INVALID_REQUEST rejected",
    ]);
  });

  it("is linearizable by default, and by defaultConsistency otherwise", async () => {
    const plain = await startLeader();
    const eventual = await startLeader({ options: { defaultConsistency: "eventual" } });
    const reads = [plain, eventual].map(({ node }) => follow(node.read([key])));
    await plain.clock.turn();
    await eventual.clock.turn();
    expect(reads.map((read) => told(read()))).toEqual(["resolved", "resolved"]);
    expect(plain.node.driver.metrics().readsLinearizable).toBe(1);
    expect(eventual.node.driver.metrics().readsEventual).toBe(1);
  });

  it("refuses another level than the default when allowClientOverride is off", async () => {
    const { clock, node } = await startLeader({ options: { allowClientOverride: false } });
    const reads = (["linearizable", undefined, "eventual"] as const).map((consistency) =>
      follow(node.read([key], { consistency })),
    );
    await clock.turn();
    expect(reads.map((read) => told(read()))).toEqual([
      "resolved",
      "resolved",
      "INVALID_REQUEST rejected",
    ]);
  });

  it("refuses more than pendingReadsMax reads with RATE_LIMITED", async () => {
    const { clock, node } = await startLeader({ options: { pendingReadsMax: 2 } });
    const reads = [1, 2, 3].map(() => follow(node.read([key])));
    await clock.turn();
    expect(reads.map((read) => told(read()))).toEqual([
      "resolved",
      "resolved",
      "RATE_LIMITED rejected",
    ]);
    expect(node.driver.metrics()).toMatchObject({ rateLimited: 1, pendingReads: 0 });
  });

  it("ends a read at its deadline, and by the reason of an abort", async () => {
    const { clock, node } = await startUnready();
    const abort = new AbortController();
    const reads = [
      follow(node.read([key], { timeoutMs: 30 })),
      follow(node.read([key], { signal: abort.signal })),
    ];
    await clock.advance(20);
    abort.abort("enough");
    await clock.advance(30);
    expect(reads.map((read) => read())).toEqual([
      { kind: "rejected", code: "CLUSTER_UNAVAILABLE", outcome: "rejected" },
      { kind: "threw", reason: "enough" },
    ]);
    expect(node.driver.metrics().pendingReads).toBe(0);
  });

  it("gives one view of several keys", async () => {
    const { clock, node } = await startLeader();
    const write = follow(node.write(put("a", "1")));
    await clock.advance(1);
    expect(told(write())).toBe("resolved");
    const read = node.read([utf8("a"), utf8("none"), utf8("a")]);
    await clock.turn();
    expect((await read).map(text)).toEqual(["1", undefined, "1"]);
  });
});
