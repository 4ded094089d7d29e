import { EngineError, type SnapshotLabel } from "@d-engine/core";
import { KvStateMachine } from "@d-engine/kv";
import { describe, expect, it } from "vitest";
import { put } from "../testing/commands.js";
import type { SnapshotOperation } from "../testing/manual-snapshots.js";
import { follow, resolved, settled, told } from "../testing/outcome.js";
import { fill, stateFromEntries, stateInSnapshot } from "../testing/snapshot-state.js";
import { startKvNode, startLeader } from "../testing/start-kv-node.js";

/** Keeps the log, so that a test can compare with it. */
const keepLog = { logTailBytes: 2 ** 40 };

describe("SnapshotMaker", () => {
  it("makes one when so many entries are applied, and the next after as many again", async () => {
    const leader = await startLeader({ options: { snapshotEntries: 50, ...keepLog } });
    const { clock, storage, node } = leader;
    await fill(leader, 45);
    await clock.advance(100);
    expect(storage.snapshots.newest).toBeUndefined();
    await fill(leader, 10);
    await clock.advance(100);
    const first = storage.snapshots.newest?.lastIncluded.index ?? 0;
    expect(first).toBeGreaterThanOrEqual(50);
    await fill(leader, 50);
    await clock.advance(100);
    expect(storage.snapshots.newest?.lastIncluded.index).toBeGreaterThanOrEqual(first + 50);
    expect(node.driver.metrics()).toMatchObject({ snapshotsMade: 2, snapshotsFailed: 0 });
  });

  it("makes one when so many bytes are applied", async () => {
    const leader = await startLeader({ options: { snapshotLogBytes: 10_000, ...keepLog } });
    await fill(leader, 5, 1_000);
    await leader.clock.advance(100);
    expect(leader.storage.snapshots.newest).toBeUndefined();
    await fill(leader, 6, 1_000);
    await leader.clock.advance(100);
    expect(leader.storage.snapshots.newest).toBeDefined();
  });

  it("holds exactly the state of its label, whatever is written meanwhile", async () => {
    const leader = await startLeader({ options: keepLog });
    const { clock, storage, node } = leader;
    await fill(leader, 300, 1_000);
    const writes: (() => { kind: string })[] = [];
    let pieces = 0;
    storage.snapshots.fault = (operation) => {
      if (operation !== "write") return undefined;
      pieces += 1;
      // Over what is frozen already, and beside it.
      writes.push(follow(node.write(put(`key-${pieces}`, "later"))));
      writes.push(follow(node.write(put(`new-${pieces}`, "later"))));
      return undefined;
    };
    const label = await resolved(clock, node.driver.saveSnapshot());
    await clock.advance(10);
    expect(pieces).toBeGreaterThan(5);
    expect(writes.map((write) => write().kind)).toEqual(writes.map(() => "resolved"));
    expect(label.lastIncluded.index).toBeLessThan(node.store.lastApplied);
    const entries = [...storage.durable];
    storage.crash();
    const { store, covered } = await stateInSnapshot(storage, clock);
    expect(covered.index).toBe(label.lastIncluded.index);
    expect(store.stateHash()).toBe(stateFromEntries(entries, label).stateHash());
    expect(entries[label.lastIncluded.index - 1]?.term).toBe(label.lastIncluded.term);
  });

  it("lets calls that come together share one, and a later call wait for its own writes", async () => {
    const leader = await startLeader({ options: keepLog });
    const { clock, storage, node } = leader;
    await fill(leader, 100, 1_000);
    const frozen = node.store.lastApplied;
    let late: Promise<SnapshotLabel> | undefined;
    storage.snapshots.fault = (operation) => {
      if (operation === "commit") late ??= node.driver.saveSnapshot();
      else node.write(put("late", "1")).catch(() => undefined);
      return undefined;
    };
    const calls = [node.driver.saveSnapshot(), node.driver.saveSnapshot()];
    const [first, second] = await resolved(clock, Promise.all(calls));
    expect(first).toBe(second);
    expect(first?.lastIncluded.index).toBe(frozen);
    storage.snapshots.fault = () => undefined;
    const later = await resolved(clock, late ?? Promise.reject(new Error("not called")));
    expect(later.lastIncluded.index).toBe(node.store.lastApplied);
    expect(node.driver.metrics().snapshotsMade).toBe(2);
  });

  it("makes none when nothing was applied since the newest", async () => {
    const leader = await startLeader();
    const first = await resolved(leader.clock, leader.node.driver.saveSnapshot());
    const again = await resolved(leader.clock, leader.node.driver.saveSnapshot());
    expect(again).toBe(first);
    expect(leader.node.driver.metrics().snapshotsMade).toBe(1);
  });

  const steps: SnapshotOperation[] = ["create", "write", "commit"];
  it.each(steps)(
    "survives a full disk at %s, and tries again later (R10, scenario 56)",
    async (at) => {
      const leader = await startLeader({ options: { snapshotEntries: 10, ...keepLog } });
      const { clock, storage, node } = leader;
      const full = new EngineError("DISK_FULL", "no room");
      storage.snapshots.fault = (operation) => (operation === at ? full : undefined);
      await fill(leader, 20);
      await clock.advance(900);
      expect(node.driver.metrics()).toMatchObject({ snapshotsMade: 0, snapshotsFailed: 1 });
      const asked = follow(node.driver.saveSnapshot());
      await clock.advance(100);
      expect(told(asked())).toBe("DISK_FULL rejected");
      await clock.advance(10_000);
      const { snapshotsFailed } = node.driver.metrics();
      expect(snapshotsFailed).toBeGreaterThan(2);
      expect(snapshotsFailed).toBeLessThan(6);
      storage.snapshots.fault = () => undefined;
      await clock.advance(60_000);
      expect(node.driver.metrics().snapshotsMade).toBe(1);
      expect(storage.snapshots.handles).toBe(0);
      await fill(leader, 1);
      expect(node.driver.state).toBe("running");
    },
  );

  it("leaves the node running when the disk fails: nothing rests on the snapshot yet", async () => {
    const leader = await startLeader({ options: keepLog });
    const broken = new EngineError("STORAGE_IO_ERROR", "EIO");
    leader.storage.snapshots.fault = (operation) => (operation === "commit" ? broken : undefined);
    const asked = follow(leader.node.driver.saveSnapshot());
    await leader.clock.advance(100);
    expect(asked()).toMatchObject({ kind: "rejected", code: "STORAGE_IO_ERROR" });
    expect(leader.storage.snapshots.newest).toBeUndefined();
    await fill(leader, 1);
  });

  it("is given up by a close, which waits for it to let go", async () => {
    const leader = await startLeader({ options: keepLog });
    const { clock, storage, node } = leader;
    await fill(leader, 100, 1_000);
    const closing: Promise<void>[] = [];
    storage.snapshots.fault = (operation) => {
      if (operation === "write") closing.push(node.driver.close());
      return undefined;
    };
    const asked = follow(node.driver.saveSnapshot());
    const closed = follow(node.driver.closed);
    await clock.advance(100);
    expect([told(asked()), told(closed())]).toEqual(["CLOSED rejected", "resolved"]);
    expect(storage.snapshots).toMatchObject({ newest: undefined, handles: 0 });
    expect(clock.pending).toBe(0);
    expect(told(await settled(node.driver.saveSnapshot()))).toBe("CLOSED rejected");
  });

  it("ends the wait of a caller that aborts, and goes on for the others", async () => {
    const { clock, node } = await startLeader();
    const aborting = new AbortController();
    const patient = follow(node.driver.saveSnapshot());
    const aborted = follow(node.driver.saveSnapshot({ signal: aborting.signal }));
    aborting.abort(new Error("enough"));
    await clock.advance(100);
    expect([told(patient()), told(aborted())]).toEqual(["resolved", "threw"]);
  });

  it("refuses while nothing is applied, and without a state machine that can be frozen", async () => {
    const { clock, node } = await startKvNode({ voters: ["a:1", "b:2"] });
    const early = follow(node.driver.saveSnapshot());
    const store = new KvStateMachine();
    Object.assign(store, { restore: undefined });
    const without = await startLeader({ store });
    const never = follow(without.node.driver.saveSnapshot());
    const file = follow(without.node.driver.openSnapshot());
    await clock.advance(10);
    expect(told(early())).toBe("INVALID_REQUEST rejected");
    expect([told(never()), told(file())]).toEqual([
      "UNIMPLEMENTED rejected",
      "UNIMPLEMENTED rejected",
    ]);
  });

  it("opens the newest, and makes one when there is none", async () => {
    const { clock, node, storage } = await startLeader();
    const file = await resolved(clock, node.driver.openSnapshot());
    expect(file.label).toEqual(storage.snapshots.newest);
    await file.close();
    const again = await resolved(clock, node.driver.openSnapshot());
    expect(again.label).toEqual(file.label);
    expect(node.driver.metrics().snapshotsMade).toBe(1);
  });
});
