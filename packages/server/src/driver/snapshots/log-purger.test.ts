import { EngineError } from "@d-engine/core";
import { KvStateMachine } from "@d-engine/kv";
import { describe, expect, it } from "vitest";
import { put, text, utf8 } from "../testing/commands.js";
import { follow, resolved, told } from "../testing/outcome.js";
import { fill } from "../testing/snapshot-state.js";
import { startKvNode, startLeader } from "../testing/start-kv-node.js";

describe("LogPurger", () => {
  it("gives up what a durable snapshot covers, but for the tail", async () => {
    const leader = await startLeader({ options: { logTailBytes: 2_000 } });
    const { clock, storage, node } = leader;
    await fill(leader, 100);
    await clock.advance(1_000);
    expect(storage.base.index).toBe(0);
    const label = await resolved(clock, node.driver.saveSnapshot());
    await clock.advance(10);
    const { index } = storage.base;
    expect(index).toBeGreaterThan(70);
    expect(index).toBeLessThan(label.lastIncluded.index);
    expect(storage.durable[0]?.index).toBe(index + 1);
    expect(node.driver.logBytes).toBeGreaterThanOrEqual(2_000);
    expect(node.driver.status().base).toEqual(storage.base);
    await fill(leader, 10);
  });

  it("lets a node start again from snapshot and rest, also when nothing is left (scenario 47)", async () => {
    const leader = await startLeader({ options: { logTailBytes: 0 } });
    const { clock, storage, node, store } = leader;
    await fill(leader, 100);
    await resolved(clock, node.driver.saveSnapshot());
    await clock.advance(10);
    expect(storage.durable).toHaveLength(0);
    expect(storage.base).toEqual(storage.snapshots.newest?.lastIncluded);
    const before = store.stateHash();
    storage.crash();
    const again = await resolved(clock, startKvNode({ clock, storage }));
    expect(again.store.stateHash()).toBe(before);
    expect(again.node.status().lastApplied).toBe(storage.base.index);
    await clock.advanceUntil(() => again.node.driver.leader.current !== undefined);
    await fill(again, 1, 20, "new");
    await resolved(clock, again.node.driver.saveSnapshot());
    await fill(again, 1, 20, "last");
    storage.crash();
    const third = await resolved(clock, startKvNode({ clock, storage }));
    await clock.advanceUntil(() => third.node.driver.leader.current !== undefined);
    expect(text(third.store.get(utf8("key-0")))).toMatch(/^last/);
    expect(text(third.store.get(utf8("key-99")))).toMatch(/^v99/);
  });

  it("drops the tail at the bound, then refuses writes until a snapshot has made room", async () => {
    const options = { logTailBytes: 9_900, logBytesMax: 10_000, retryAfterMs: 5 };
    const leader = await startLeader({ options });
    const { clock, storage, node } = leader;
    await fill(leader, 40);
    await resolved(clock, node.driver.saveSnapshot());
    await clock.advance(1_000);
    expect(node.driver.metrics()).toMatchObject({ logTailsDropped: 0, logPurges: 0 });
    const full = new EngineError("DISK_FULL", "no room");
    storage.snapshots.fault = () => full;
    await fill(leader, 60);
    await clock.advance(1_000);
    expect(node.driver.metrics()).toMatchObject({ logTailsDropped: 1, logPurges: 1 });
    await fill(leader, 40);
    await clock.advance(1_000);
    const refused = follow(node.write(put("k", "1")));
    const read = follow(node.read([utf8("key-1")]));
    await clock.advance(10);
    expect([told(refused()), told(read())]).toEqual(["RATE_LIMITED rejected", "resolved"]);
    expect(node.driver.metrics().logFull).toBe(1);
    storage.snapshots.fault = () => undefined;
    await clock.advance(60_000);
    await fill(leader, 1);
    expect(node.driver.logBytes).toBeLessThan(1_000);
  });

  it("says what is full, and what will end it", async () => {
    const leader = await startLeader({ options: { logBytesMax: 1_000 } });
    leader.storage.snapshots.fault = () => new EngineError("DISK_FULL", "no room");
    await fill(leader, 20);
    await leader.clock.advance(1_000);
    await expect(leader.node.write(put("k", "1"))).rejects.toThrow(
      /the log holds \d+ bytes, of at most 1000 \(logBytesMax\), and is purged as soon as/,
    );
  });

  it("does not bound the log of a node without snapshots", async () => {
    const store = new KvStateMachine();
    Object.assign(store, { snapshot: undefined });
    const leader = await startLeader({ store, options: { logBytesMax: 1_000 } });
    await fill(leader, 50);
    await leader.clock.advance(2_000);
    await fill(leader, 50);
    expect(leader.node.driver.logBytes).toBeGreaterThan(10_000);
  });

  it("goes on when the disk does not let go of a part, and tries again", async () => {
    const leader = await startLeader({ options: { logTailBytes: 0 } });
    const { clock, storage, node } = leader;
    await fill(leader, 50);
    storage.purgeFault = () => new EngineError("STORAGE_IO_ERROR", "EIO");
    await resolved(clock, node.driver.saveSnapshot());
    await clock.advance(10);
    expect(node.driver.metrics()).toMatchObject({ logPurges: 0, logPurgeFailures: 1 });
    expect(storage.base.index).toBe(0);
    storage.purgeFault = () => undefined;
    await clock.advance(2_000);
    expect(node.driver.metrics().logPurges).toBe(1);
    expect(storage.base).toEqual(storage.snapshots.newest?.lastIncluded);
    await fill(leader, 5);
  });
});
