import { describe, expect, it } from "vitest";
import { create, put, text, utf8 } from "./testing/commands.js";
import { follow, told } from "./testing/outcome.js";
import { startKvNode, startLeader } from "./testing/start-kv-node.js";

describe("Driver.propose", () => {
  it("acknowledges a write only when its batch is durable (I7)", async () => {
    const { clock, node, storage } = await startLeader();
    storage.automatic = false;
    const write = follow(node.write(put("a", "1")));
    await clock.advance(1_000);
    expect(write()).toEqual({ kind: "pending" });
    expect(node.store.revision).toBe(0);
    storage.sync();
    await clock.turn();
    expect(write()).toEqual({
      kind: "resolved",
      value: { succeeded: true, revision: 1, existed: false },
    });
  });

  it("acknowledges by batch: an earlier sync says nothing about a later write", async () => {
    const { clock, node, storage } = await startLeader();
    storage.automatic = false;
    const first = follow(node.write(put("a", "1")));
    await clock.turn();
    const second = follow(node.write(put("b", "2")));
    await clock.turn();
    expect(storage.unsynced).toBe(2);
    storage.sync(1);
    await clock.turn();
    expect([told(first()), told(second())]).toEqual(["resolved", "pending"]);
    storage.sync(1);
    await clock.turn();
    expect(told(second())).toBe("resolved");
  });

  it("writes what arrives in one turn as one batch, in the order of the calls", async () => {
    const { clock, node, storage, store } = await startLeader();
    const before = node.driver.metrics().batchesWritten;
    const writes = ["x", "y", "z"].map((value) => follow(node.write(put("k", value))));
    await clock.advance(1);
    expect(node.driver.metrics().batchesWritten).toBe(before + 1);
    expect(writes.map((write) => told(write()))).toEqual(["resolved", "resolved", "resolved"]);
    expect(text(store.get(utf8("k")))).toBe("z");
    expect(storage.durable.map(({ payload }) => payload.kind)).toEqual([
      "noop",
      "command",
      "command",
      "command",
    ]);
  });

  it("splits a burst at proposalEntriesMax and acknowledges all of it", async () => {
    const { clock, node } = await startLeader({ options: { proposalEntriesMax: 4 } });
    const before = node.driver.metrics().batchesWritten;
    const writes = Array.from({ length: 10 }, (_, at) => follow(node.write(put(`k${at}`, "v"))));
    await clock.advance(1);
    expect(writes.every((write) => write().kind === "resolved")).toBe(true);
    expect(node.driver.metrics().batchesWritten).toBe(before + 3);
  });

  it("gives each caller the result of its own command", async () => {
    const { clock, node } = await startLeader();
    const outcomes = [
      follow(node.driver.propose(create("k", "1"), ({ succeeded }) => succeeded)),
      follow(node.driver.propose(create("k", "2"), ({ succeeded }) => succeeded)),
      follow(node.driver.propose(put("k", "3"), ({ revision }) => revision)),
    ];
    await clock.advance(1);
    expect(outcomes.map((outcome) => outcome())).toEqual([
      { kind: "resolved", value: true },
      { kind: "resolved", value: false },
      { kind: "resolved", value: 2 },
    ]);
  });

  it("refuses a node without a leader by name, and the write has no effect", async () => {
    const { clock, node } = await startKvNode({ voters: ["a:1", "b:2", "c:3"] });
    const write = follow(node.write(put("a", "1")));
    await clock.turn();
    expect(told(write())).toBe("NOT_LEADER rejected");
    expect(node.driver.metrics().proposalsRefused).toBe(1);
  });

  it.each([
    { name: "no bytes at all", command: new Uint8Array(0) },
    { name: "bytes that are no command", command: Uint8Array.of(0xff, 0xff, 0xff) },
    { name: "an empty key", command: put("", "v") },
    { name: "an oversized key", command: put("k".repeat(4097), "v") },
    { name: "an oversized value", command: put("k", "v".repeat(1024 * 1024 + 1)) },
  ])("refuses $name with INVALID_REQUEST and serves on (rule R14)", async ({ command }) => {
    const { clock, node, storage } = await startLeader();
    const bad = follow(node.write(command));
    const good = follow(node.write(put("k", "v")));
    await clock.advance(1);
    expect(told(bad())).toBe("INVALID_REQUEST rejected");
    expect(told(good())).toBe("resolved");
    expect(storage.durable).toHaveLength(2);
  });
});

describe("Driver deadlines", () => {
  it("rejects before proposing: the write has no effect", async () => {
    const { clock, node, storage } = await startLeader();
    const write = follow(node.write(put("a", "1"), { timeoutMs: 5 }));
    clock.stall(50); // the event loop is busy, so the turn that proposes comes late
    await clock.advance(100);
    expect(told(write())).toBe("CLUSTER_UNAVAILABLE rejected");
    expect(storage.durable).toHaveLength(1);
  });

  it("says OUTCOME_UNKNOWN after proposing, and the write may still happen (C2)", async () => {
    const { clock, node, storage, store } = await startLeader();
    storage.automatic = false;
    const write = follow(node.write(put("a", "1"), { timeoutMs: 50 }));
    await clock.advance(45);
    expect(told(write())).toBe("pending");
    await clock.advance(20);
    expect(told(write())).toBe("OUTCOME_UNKNOWN unknown");
    storage.sync();
    await clock.turn();
    expect(text(store.get(utf8("a")))).toBe("1");
  });

  it("gives up after requestTimeoutMs when the call names no time", async () => {
    const { clock, node, storage } = await startLeader({ options: { requestTimeoutMs: 200 } });
    storage.automatic = false;
    const write = follow(node.write(put("a", "1")));
    await clock.advance(190);
    expect(told(write())).toBe("pending");
    await clock.advance(30);
    expect(told(write())).toBe("OUTCOME_UNKNOWN unknown");
  });

  it("rejects with the reason of an abort, before and after proposing", async () => {
    const { clock, node, storage } = await startLeader();
    storage.automatic = false;
    const before = new AbortController();
    const after = new AbortController();
    const writes = [
      follow(node.write(put("never", "1"), { signal: AbortSignal.abort("first") })),
      follow(node.write(put("queued", "1"), { signal: before.signal })),
      follow(node.write(put("proposed", "1"), { signal: after.signal })),
    ];
    before.abort("second");
    await clock.turn();
    after.abort("third");
    await clock.turn();
    expect(writes.map((write) => write())).toEqual([
      { kind: "threw", reason: "first" },
      { kind: "threw", reason: "second" },
      { kind: "threw", reason: "third" },
    ]);
    storage.sync();
    await clock.turn();
    // Only what the core had seen could still happen.
    expect(node.store.keys).toBe(1);
    expect(node.driver.metrics().pendingProposals).toBe(0);
  });

  it.each([0, -1, Number.NaN, Number.POSITIVE_INFINITY])(
    "refuses a timeout of %s ms",
    async (timeoutMs) => {
      const { clock, node } = await startLeader();
      const write = follow(node.write(put("a", "1"), { timeoutMs }));
      await clock.turn();
      expect(told(write())).toBe("INVALID_REQUEST rejected");
    },
  );
});

describe("Driver bounds", () => {
  it("refuses more than pendingProposalsMax writes with RATE_LIMITED and a time to retry", async () => {
    const options = { pendingProposalsMax: 2, retryAfterMs: 70 };
    const { clock, node, storage } = await startLeader({ options });
    storage.automatic = false;
    const writes = [1, 2, 3].map((at) => node.write(put(`k${at}`, "v")));
    const followed = writes.map(follow);
    await clock.turn();
    expect(followed.map((write) => told(write()))).toEqual([
      "pending",
      "pending",
      "RATE_LIMITED rejected",
    ]);
    await expect(writes[2]).rejects.toMatchObject({ retryAfterMs: 70 });
    expect(node.driver.metrics()).toMatchObject({ rateLimited: 1, pendingProposals: 2 });
    storage.sync();
    await clock.turn();
    const next = follow(node.write(put("k4", "v")));
    await clock.turn();
    storage.sync();
    await clock.turn();
    expect(told(next())).toBe("resolved");
  });

  it("refuses more than pendingProposalBytesMax bytes, but never a lone large write", async () => {
    const { clock, node, storage } = await startLeader({
      options: { pendingProposalBytesMax: 100 },
    });
    storage.automatic = false;
    const writes = [
      follow(node.write(put("large", "v".repeat(500)))),
      follow(node.write(put("small", "v"))),
    ];
    await clock.turn();
    storage.sync();
    await clock.turn();
    expect(writes.map((write) => told(write()))).toEqual(["resolved", "RATE_LIMITED rejected"]);
    expect(node.driver.metrics().pendingProposalBytes).toBe(0);
  });

  it("refuses writes with DISK_FULL while the log has no room, serves reads, and recovers", async () => {
    const { clock, node, storage } = await startLeader();
    const kept = follow(node.write(put("a", "1")));
    await clock.advance(1);
    storage.room(false);
    const refused = follow(node.write(put("b", "2")));
    const read = follow(node.read([utf8("a")], { consistency: "linearizable" }));
    await clock.advance(1);
    expect([told(kept()), told(refused()), told(read())]).toEqual([
      "resolved",
      "DISK_FULL rejected",
      "resolved",
    ]);
    storage.room(true);
    const accepted = follow(node.write(put("b", "2")));
    await clock.advance(1);
    expect(told(accepted())).toBe("resolved");
    expect(node.driver.metrics().diskFull).toBe(1);
  });

  it("refuses with DISK_FULL what was queued when the room went", async () => {
    const { clock, node, storage } = await startLeader();
    const queued = follow(node.write(put("a", "1")));
    storage.room(false);
    await clock.advance(1);
    expect(told(queued())).toBe("DISK_FULL rejected");
    expect(storage.durable).toHaveLength(1);
  });

  it("applies a long run in slices, so that the event loop turns in between", async () => {
    const { clock, node, store } = await startLeader({ options: { applySliceMs: 1 } });
    const apply = store.apply.bind(store);
    store.apply = (index, command) => {
      clock.stall(0.1); // each command takes a tenth of a millisecond
      return apply(index, command);
    };
    const writes = Array.from({ length: 300 }, (_, at) => follow(node.write(put(`k${at}`, "v"))));
    await clock.advance(100);
    expect(writes.every((write) => write().kind === "resolved")).toBe(true);
    expect(node.driver.metrics().applySlices).toBeGreaterThan(3);
  });
});
