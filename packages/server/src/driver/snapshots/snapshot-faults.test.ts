import { EngineError, type NodeId } from "@d-engine/core";
import { KvStateMachine } from "@d-engine/kv";
import { describe, expect, it } from "vitest";
import { put, text, utf8 } from "../testing/commands.js";
import type { SnapshotOperation } from "../testing/manual-snapshots.js";
import { follow, told } from "../testing/outcome.js";
import { followerOf, SnapshotCluster } from "../testing/snapshot-cluster.js";
import { fill } from "../testing/snapshot-state.js";

describe("the receipt of a snapshot", () => {
  it("leaves the old or the new state when the machine stops at any step (scenario 43)", async () => {
    const states = new Set<string>();
    let steps = 0;
    for (let stopAt = 1; ; stopAt += 2) {
      const cluster = await SnapshotCluster.start();
      const lagging = followerOf(cluster);
      // Twice: a log knows as committed what a later batch of it says so.
      for (let times = 0; times < 2; times += 1) await fill(cluster.leader(), 1, 20, "old");
      await cluster.agreed();
      await cluster.leaveBehind(lagging, 60);
      let step = 0;
      cluster.storage(lagging).snapshots.fault = () => {
        step += 1;
        if (step === stopAt) cluster.crash(lagging);
        return undefined;
      };
      cluster.network.heal(lagging);
      const stopped = await cluster.clock.advanceUntil(
        () => step >= stopAt || cluster.agree(),
        20_000,
      );
      expect(stopped).toBe(true);
      if (step < stopAt) break;
      steps += 1;
      cluster.storage(lagging).snapshots.fault = () => undefined;
      await cluster.clock.advance(10);
      const { store } = await cluster.startNode(lagging);
      const [first, last] = ["key-0", "key-59"].map((key) => text(store.get(utf8(key))));
      states.add(`${first?.slice(0, 3)} ${last?.slice(0, 3)}`);
      expect(await cluster.agreed()).toBe(true);
    }
    expect(steps).toBeGreaterThan(8);
    expect([...states]).toEqual(["old undefined", "v0- v59"]);
  });

  const operations: SnapshotOperation[] = ["receive", "write", "commit"];
  it.each(operations)("is taken up again when the disk was full at %s (R10)", async (at) => {
    const cluster = await SnapshotCluster.start();
    const lagging = followerOf(cluster);
    await cluster.leaveBehind(lagging);
    const full = new EngineError("DISK_FULL", "no room");
    let left = 2;
    let seen = 0;
    cluster.storage(lagging).snapshots.fault = (operation) => {
      if (operation === at) seen += 1;
      if (operation !== at || left === 0 || (at === "write" && seen % 11 !== 0)) return undefined;
      left -= 1;
      return full;
    };
    cluster.network.heal(lagging);
    expect(await cluster.agreed(120_000)).toBe(true);
    const { node } = cluster.node(lagging);
    expect(node.driver.metrics()).toMatchObject({
      snapshotReceiptFailures: 2,
      snapshotsInstalled: 1,
    });
    expect(cluster.storage(lagging).snapshots.handles).toBe(0);
  });

  it("stops the node when what is durable cannot be loaded: a start would fail as well", async () => {
    const cluster = await SnapshotCluster.start();
    const lagging = followerOf(cluster);
    await cluster.leaveBehind(lagging);
    const { node } = cluster.node(lagging);
    const broken = new EngineError("STORAGE_IO_ERROR", "EIO");
    cluster.storage(lagging).snapshots.fault = (operation) =>
      operation === "read" ? broken : undefined;
    cluster.network.heal(lagging);
    await cluster.clock.advanceUntil(() => node.driver.state === "failed");
    expect(node.driver.failure).toBe(broken);
  });

  it("is refused, and said so once, by a state machine that cannot take it over", async () => {
    const cluster = await SnapshotCluster.start();
    const lagging = followerOf(cluster);
    cluster.crash(lagging);
    const store = new KvStateMachine();
    Object.assign(store, { restore: undefined });
    const lines: string[] = [];
    const error = (line: string): number => lines.push(line);
    const logger = { info: () => undefined, warn: () => undefined, error };
    const { node } = await cluster.startNode(lagging, {}, { store, logger });
    await cluster.leaveBehind(lagging);
    cluster.network.heal(lagging);
    await cluster.clock.advance(5_000);
    expect(lines).toHaveLength(1);
    expect(lines[0]).toMatch(/no snapshot\(\) and restore\(\)/);
    expect(node.driver.state).toBe("running");
  });

  it("keeps what came when the node closes, and goes on with it", async () => {
    const cluster = await SnapshotCluster.start();
    const lagging = followerOf(cluster);
    await cluster.leaveBehind(lagging);
    cluster.network.heal(lagging);
    await cluster.clock.advanceUntil(() => (cluster.storage(lagging).partialBytes ?? 0) > 10_000);
    const { node } = cluster.node(lagging);
    const closed = follow(node.driver.close());
    await cluster.clock.advanceUntil(() => closed().kind !== "pending");
    expect(told(closed())).toBe("resolved");
    expect(cluster.storage(lagging).snapshots.handles).toBe(0);
    const kept = cluster.storage(lagging).partialBytes ?? 0;
    expect(kept).toBeGreaterThan(10_000);
    const again = await cluster.startNode(lagging);
    expect(await cluster.agreed()).toBe(true);
    const bytes = cluster.storage(lagging).snapshots.newest?.bytes ?? 0;
    const { snapshotChunksReceived } = again.node.driver.metrics();
    expect(snapshotChunksReceived).toBeLessThanOrEqual(Math.ceil((bytes - kept) / 1_024));
  });

  it("ends writes that the replaced log held as of unknown outcome (scenario 23)", async () => {
    const cluster = await SnapshotCluster.start({ requestTimeoutMs: 60_000 });
    const old = cluster.leader();
    const { nodeId } = old.node.status();
    cluster.network.cut(nodeId);
    const lost = ["a", "b"].map((key) => follow(old.node.write(put(key, "lost"))));
    await cluster.clock.advanceUntil(
      () => cluster.leads() !== old && cluster.leads() !== undefined,
    );
    await fill(cluster.leader(), 100);
    await cluster.snapshot(cluster.leader());
    expect(lost.map((write) => told(write()))).toEqual(["pending", "pending"]);
    cluster.network.heal(nodeId);
    expect(await cluster.agreed()).toBe(true);
    expect(lost.map((write) => told(write()))).toEqual([
      "OUTCOME_UNKNOWN unknown",
      "OUTCOME_UNKNOWN unknown",
    ]);
    expect(old.node.driver.metrics()).toMatchObject({ snapshotsInstalled: 1, pendingProposals: 0 });
  });
});

describe("the sending of a snapshot", () => {
  it("goes on with its own when a newer one appears, and the log waits for it (R7, scenario 45)", async () => {
    const cluster = await SnapshotCluster.start({ snapshotBytesPerSecond: 20_000 });
    const lagging = followerOf(cluster);
    await cluster.leaveBehind(lagging);
    const leader = cluster.leader();
    const first = leader.storage.snapshots.newest?.lastIncluded.index ?? 0;
    cluster.network.heal(lagging);
    await cluster.clock.advanceUntil(() => (cluster.storage(lagging).partialBytes ?? 0) > 10_000);
    await fill(leader, 50, 200, "newer");
    const saved = follow(leader.node.driver.saveSnapshot());
    await cluster.clock.advance(1_000);
    expect(told(saved())).toBe("resolved");
    expect(leader.storage.base.index).toBe(first);
    expect(await cluster.agreed()).toBe(true);
    expect(leader.node.driver.metrics()).toMatchObject({
      snapshotsSent: 1,
      transferHoldsDropped: 0,
    });
    await cluster.clock.advance(1_000);
    expect(leader.storage.base.index).toBeGreaterThan(first);
  });

  it("is begun again when the log could not wait any longer (R7)", async () => {
    const bound = { snapshotBytesPerSecond: 20_000, logBytesMax: 30_000, logTailBytes: 2_000 };
    const cluster = await SnapshotCluster.start(bound);
    const lagging = followerOf(cluster);
    await cluster.leaveBehind(lagging, 100);
    const leader = cluster.leader();
    cluster.network.heal(lagging);
    await cluster.clock.advanceUntil(() => (cluster.storage(lagging).partialBytes ?? 0) > 5_000);
    await fill(leader, 100, 400, "newer");
    expect(await cluster.agreed(120_000)).toBe(true);
    expect(leader.node.driver.metrics().transferHoldsDropped).toBe(1);
    expect(cluster.node(lagging).node.driver.metrics().snapshotsInstalled).toBe(2);
  });

  it("keeps to its bandwidth, and heartbeats go on", async () => {
    const cluster = await SnapshotCluster.start({ snapshotBytesPerSecond: 8_000 });
    const lagging = followerOf(cluster);
    await cluster.leaveBehind(lagging);
    const leader = cluster.leader();
    const { term } = leader.node.status();
    const bytes = leader.storage.snapshots.newest?.bytes ?? 0;
    const startedMs = cluster.clock.nowMs();
    cluster.network.heal(lagging);
    expect(await cluster.agreed()).toBe(true);
    const tookMs = cluster.clock.nowMs() - startedMs;
    expect(tookMs).toBeGreaterThan((bytes / 8_000) * 1_000 - 500);
    expect(tookMs).toBeLessThan((bytes / 8_000) * 1_000 + 3_000);
    expect(cluster.leader().node.status().term).toBe(term);
  });

  it("ends with the leadership, and lets go of the file", async () => {
    const cluster = await SnapshotCluster.start({ snapshotBytesPerSecond: 8_000 });
    const lagging = followerOf(cluster);
    await cluster.leaveBehind(lagging);
    const old = cluster.leader();
    cluster.network.heal(lagging);
    await cluster.clock.advanceUntil(() => old.storage.snapshots.handles === 1);
    cluster.network.cut(old.node.status().nodeId);
    await cluster.clock.advanceUntil(() => !old.node.driver.status().leaderReady);
    await cluster.clock.advance(10);
    expect(old.storage.snapshots.handles).toBe(0);
    expect(old.node.driver.metrics().snapshotsSending).toBe(0);
    cluster.network.heal(old.node.status().nodeId);
    expect(await cluster.agreed(120_000)).toBe(true);
  });

  it("is given up by a close", async () => {
    const cluster = await SnapshotCluster.start({ snapshotBytesPerSecond: 8_000 });
    const lagging = followerOf(cluster);
    await cluster.leaveBehind(lagging);
    const old = cluster.leader();
    cluster.network.heal(lagging);
    await cluster.clock.advanceUntil(() => old.storage.snapshots.handles === 1);
    const closed = follow(old.node.driver.close());
    await cluster.clock.advanceUntil(() => closed().kind !== "pending");
    expect(told(closed())).toBe("resolved");
    expect(old.storage.snapshots.handles).toBe(0);
    expect(old.storage.isOpen).toBe(false);
  });

  it("is tried again when the file cannot be read for a while", async () => {
    const cluster = await SnapshotCluster.start();
    const lagging = followerOf(cluster);
    await cluster.leaveBehind(lagging);
    const { storage, node } = cluster.leader();
    let reads = 0;
    storage.snapshots.fault = (operation) => {
      if (operation === "read") reads += 1;
      return operation === "read" && reads <= 2
        ? new EngineError("STORAGE_IO_ERROR", "EIO")
        : undefined;
    };
    cluster.network.heal(lagging);
    expect(await cluster.agreed()).toBe(true);
    expect(node.driver.metrics()).toMatchObject({ snapshotSendFailures: 2, snapshotsSent: 1 });
    expect(storage.snapshots.handles).toBe(0);
  });
});

describe("a snapshot of another label", () => {
  it("of a later leader takes the place of one whose leader is gone (scenario 45)", async () => {
    const cluster = await SnapshotCluster.start();
    const lagging = followerOf(cluster);
    const leads = cluster.leader().node.status().nodeId;
    const other = ([1, 2, 3] as NodeId[]).find((id) => id !== leads && id !== lagging) as NodeId;
    await fill(cluster.leader(), 50, 200, "early");
    await cluster.clock.advance(500);
    // The follower that will lead has the older snapshot: the label goes back with the leader.
    await cluster.snapshot(cluster.node(other));
    await cluster.leaveBehind(lagging);
    cluster.network.heal(lagging);
    await cluster.clock.advanceUntil(() => (cluster.storage(lagging).partialBytes ?? 0) > 10_000);
    cluster.crash(leads);
    await cluster.clock.advanceUntil(() => cluster.leads() === cluster.node(other));
    expect(await cluster.agreed()).toBe(true);
  });
});
