import { EngineError } from "@d-engine/core";
import { describe, expect, it } from "vitest";
import { put, text, utf8 } from "./testing/commands.js";
import { follow, told } from "./testing/outcome.js";
import { startKvNode, startLeader } from "./testing/start-kv-node.js";

describe("Driver after a failure of the disk (scenario 55)", () => {
  it("acknowledges nothing any more, and tells what may have happened", async () => {
    const { clock, node, storage } = await startLeader();
    storage.automatic = false;
    const durable = follow(node.write(put("a", "1")));
    await clock.turn();
    storage.sync();
    await clock.turn();
    const proposed = follow(node.write(put("b", "2")));
    await clock.turn();
    const queued = follow(node.write(put("c", "3")));
    const read = follow(node.read([utf8("a")]));
    storage.fail(new EngineError("STORAGE_IO_ERROR", "log-1: EIO at offset 4096"));
    storage.sync();
    await clock.advance(10_000);
    const later = [
      follow(node.write(put("d", "4"))),
      follow(node.read([utf8("a")], { consistency: "eventual" })),
    ];
    await clock.turn();
    expect([durable, proposed, queued, read, ...later].map((call) => told(call()))).toEqual([
      "resolved",
      "STORAGE_IO_ERROR unknown",
      "STORAGE_IO_ERROR rejected",
      "STORAGE_IO_ERROR rejected",
      "STORAGE_IO_ERROR rejected",
      "STORAGE_IO_ERROR rejected",
    ]);
    expect(node.driver.state).toBe("failed");
    expect(await node.driver.closed).toMatchObject({ message: "log-1: EIO at offset 4096" });
    expect(node.driver.leader.current).toBeUndefined();
    expect(storage.isOpen).toBe(false);
    expect(clock.pending).toBe(0);
  });

  it("stops when the state machine throws, and acknowledges nothing from there on", async () => {
    const { clock, node, store } = await startLeader();
    const apply = store.apply.bind(store);
    store.apply = (index, command) => {
      if (index === 3) throw new Error("apply is broken");
      return apply(index, command);
    };
    const writes = ["a", "b", "c"].map((key) => follow(node.write(put(key, "1"))));
    await clock.advance(100);
    expect(writes.map((write) => told(write()))).toEqual([
      "resolved",
      "STORAGE_IO_ERROR unknown",
      "STORAGE_IO_ERROR unknown",
    ]);
    expect(await node.driver.closed).toMatchObject({ message: "apply is broken" });
  });

  it("may be closed afterwards", async () => {
    const { clock, node, storage } = await startLeader();
    storage.fail(new Error("EIO"));
    await clock.turn();
    await node.driver.close();
    expect(node.driver.state).toBe("failed");
  });
});

describe("Driver.close", () => {
  it("finishes what was accepted, refuses what comes later, and releases everything", async () => {
    const { clock, node, storage } = await startLeader();
    const queued = follow(node.write(put("a", "1")));
    const read = follow(node.read([utf8("a")]));
    const closing = follow(node.driver.close());
    const late = [follow(node.write(put("b", "2"))), follow(node.read([utf8("a")]))];
    expect(node.driver.state).toBe("closing");
    await clock.advance(5);
    expect([queued, read, ...late, closing].map((call) => told(call()))).toEqual([
      "resolved",
      "resolved",
      "CLOSED rejected",
      "CLOSED rejected",
      "resolved",
    ]);
    expect(node.driver.state).toBe("closed");
    expect(storage.isOpen).toBe(false);
    expect(clock.pending).toBe(0);
    expect(await node.driver.closed).toBeUndefined();
  });

  it("gives up after closeTimeoutMs and says what may have happened", async () => {
    const { clock, node, storage } = await startLeader({ options: { closeTimeoutMs: 300 } });
    storage.automatic = false;
    const proposed = follow(node.write(put("a", "1")));
    const closing = follow(node.driver.close());
    await clock.advance(290);
    expect([told(proposed()), told(closing())]).toEqual(["pending", "pending"]);
    await clock.advance(30);
    expect([told(proposed()), told(closing())]).toEqual(["OUTCOME_UNKNOWN unknown", "resolved"]);
  });

  it("may be called twice, and while it is under way", async () => {
    const { clock, node } = await startLeader();
    const closings = [follow(node.driver.close()), follow(node.driver.close())];
    await clock.turn();
    closings.push(follow(node.driver.close()));
    await clock.turn();
    expect(closings.map((closing) => told(closing()))).toEqual([
      "resolved",
      "resolved",
      "resolved",
    ]);
  });

  it("reports a disk that fails while closing", async () => {
    const { clock, node, storage } = await startLeader();
    storage.automatic = false;
    const write = follow(node.write(put("a", "1")));
    const closing = follow(node.driver.close());
    await clock.turn();
    storage.fail(new Error("EIO"));
    await clock.turn();
    expect([told(write()), told(closing())]).toEqual(["STORAGE_IO_ERROR unknown", "resolved"]);
    expect(node.driver.state).toBe("failed");
    expect(await node.driver.closed).toMatchObject({ message: "EIO" });
  });
});

describe("Driver.start", () => {
  it("finds every acknowledged write again after a crash", async () => {
    const first = await startLeader();
    const { clock, storage } = first;
    const acknowledged = follow(first.node.write(put("a", "1")));
    await clock.advance(1);
    storage.automatic = false;
    const unacknowledged = follow(first.node.write(put("b", "2")));
    await clock.turn();
    expect([told(acknowledged()), told(unacknowledged())]).toEqual(["resolved", "pending"]);
    storage.crash();
    storage.automatic = true;
    const second = await startLeader({ clock, storage });
    expect(text(second.store.get(utf8("a")))).toBe("1");
    expect(second.store.get(utf8("b"))).toBeUndefined();
    expect(second.store.stateHash()).toEqual(first.store.stateHash());
  });

  it("holds what was known to be committed before it serves eventual reads (rule R8)", async () => {
    const { clock, storage, node } = await startLeader();
    for (const value of ["1", "2"]) {
      const write = follow(node.write(put("k", value)));
      await clock.advance(1);
      expect(told(write())).toBe("resolved");
    }
    storage.crash();
    // Three voters: nobody leads yet, so nothing more than the log knows can be applied.
    const again = await startKvNode({ clock, storage });
    // The commit of the second was known only to the batch after it, which was never written.
    expect(text(again.store.get(utf8("k")))).toBe("1");
    expect(again.node.status()).toMatchObject({ lastApplied: 2, lastLogIndex: 3 });
    await clock.advance(100);
    expect(text(again.store.get(utf8("k")))).toBe("2");
  });

  it("goes on from its term and vote", async () => {
    const { clock, storage, node } = await startLeader();
    const { term } = node.status();
    storage.crash();
    const again = await startLeader({ clock, storage });
    expect(again.node.status().term).toBe(term + 1);
  });

  it("refuses a state machine that is ahead of the log", async () => {
    const { clock, storage, store } = await startLeader();
    storage.crash();
    store.skip((store.lastApplied + 1) as typeof store.lastApplied);
    await expect(startKvNode({ clock, storage, store })).rejects.toMatchObject({
      code: "DATA_CORRUPTION",
    });
    expect(storage.isOpen).toBe(false);
  });

  it("refuses a storage that is in use", async () => {
    const { clock, storage } = await startLeader();
    await expect(startKvNode({ clock, storage })).rejects.toMatchObject({
      code: "DATA_DIR_LOCKED",
    });
  });

  it("ends with the reason of an abort and releases the storage", async () => {
    const { clock, storage } = await startLeader();
    storage.crash();
    const start = startKvNode({ clock, storage, signal: AbortSignal.abort("not now") });
    await expect(start).rejects.toBe("not now");
    expect(storage.isOpen).toBe(false);
  });
});

describe("Driver and the clocks", () => {
  it("notices that the wall clock was set, and stays quiet otherwise (scenario 41)", async () => {
    const { clock, node } = await startLeader();
    await clock.advance(1_000);
    expect(node.driver.metrics().clockJumps).toBe(0);
    clock.setWall(-3_600_000);
    await clock.advance(1_000);
    expect(node.driver.metrics().clockJumps).toBe(1);
  });
});
