import { decodeWriteCommand } from "@d-engine/codec";
import type { NodeId } from "@d-engine/core";
import { describe, expect, it } from "vitest";
import { put, text, utf8 } from "./testing/commands.js";
import {
  grant,
  keepAlive,
  putBound,
  putFor,
  type SeenEvent,
  watchEvents,
} from "./testing/kv-commands.js";
import { follow, resolved, told } from "./testing/outcome.js";
import { SnapshotCluster } from "./testing/snapshot-cluster.js";
import { type RunningKvNode, startCluster, startLeader } from "./testing/start-kv-node.js";

const ids = [1, 2, 3] as NodeId[];

function deletes(seen: readonly SeenEvent[], key: string): SeenEvent[] {
  return seen.filter((event) => event.deleted && event.key === key);
}

/** Lets the cluster elect another leader while the present one is cut off. */
async function deposed(cluster: SnapshotCluster): Promise<NodeId> {
  const { nodeId } = cluster.leader().node.status();
  cluster.network.cut(nodeId);
  const others = ids.filter((id) => id !== nodeId).map((id) => cluster.node(id));
  await cluster.clock.advanceUntil(() => others.some(({ node }) => node.status().leaderReady));
  return nodeId;
}

describe("A key with a time to live", () => {
  it("goes by one delete event, at one log position on all nodes, in time (T1-T4)", async () => {
    const cluster = await startCluster();
    const { clock, nodes } = cluster;
    const events = nodes.map(watchEvents);
    const leader = cluster.leader() as RunningKvNode;
    const calledMs = clock.nowMs();
    await resolved(clock, leader.node.write(putFor("k", "v", 3_000)));
    const ackedMs = clock.nowMs();
    await clock.advance(6_000);
    const gone = events.map((seen) => deletes(seen, "k"));
    expect(gone.map((seen) => seen.length)).toEqual([1, 1, 1]);
    const [first] = gone[0] as [SeenEvent];
    for (const [each] of gone as [SeenEvent][]) {
      expect([each.index, each.revision]).toEqual([first.index, first.revision]);
      expect(each.atMs).toBeGreaterThanOrEqual(calledMs + 3_000);
      expect(each.atMs).toBeLessThanOrEqual(ackedMs + 4_000);
    }
    expect(nodes.map(({ store }) => store.leaseCount)).toEqual([0, 0, 0]);
    const [hash] = nodes.map(({ store }) => store.stateHash());
    expect(nodes.map(({ store }) => store.stateHash())).toEqual([hash, hash, hash]);
  });

  it("is neither extended for ever nor cut short by leaders that come and go (scenario 64)", async () => {
    const cluster = await SnapshotCluster.start();
    const { clock } = cluster;
    const calledMs = clock.nowMs();
    await resolved(clock, cluster.leader().node.write(putFor("k", "v", 20_000)));
    let leaders = 0;
    while (clock.nowMs() < calledMs + 19_000) {
      const old = await deposed(cluster);
      leaders += 1;
      expect(text(cluster.leader().store.get(utf8("k")))).toBe("v");
      await clock.advance(200);
      cluster.network.heal(old);
      await clock.advance(1_500);
      await clock.advanceUntil(() => cluster.leads() !== undefined);
    }
    expect(leaders).toBeGreaterThan(3);
    // Time goes on while nobody leads; what a new leader loses is the way of the last stamp to it.
    await clock.advanceUntil(() => cluster.leader().store.get(utf8("k")) === undefined);
    const livedMs = clock.nowMs() - calledMs;
    expect(livedMs).toBeGreaterThanOrEqual(20_000);
    expect(livedMs).toBeLessThan(23_000);
    expect(await cluster.agreed(10_000)).toBe(true);
  });

  it("lives on over a restart of all nodes, whose time while down does not count", async () => {
    const cluster = await SnapshotCluster.start();
    const { clock } = cluster;
    await resolved(clock, cluster.leader().node.write(putFor("k", "v", 10_000)));
    await clock.advance(4_000);
    for (const id of ids) cluster.crash(id);
    clock.stall(3_600_000);
    clock.setWall(86_400_000);
    for (const id of ids) await cluster.startNode(id);
    const restartedMs = clock.nowMs();
    await clock.advanceUntil(() => cluster.leads() !== undefined);
    expect(text(cluster.leader().store.get(utf8("k")))).toBe("v");
    const gone = () => cluster.leader().store.get(utf8("k")) === undefined;
    expect(await clock.advanceUntil(gone, 20_000)).toBe(true);
    // Of ten seconds between three and four were left, as the time is written every half second.
    expect(clock.nowMs() - restartedMs).toBeGreaterThan(5_500);
    expect(clock.nowMs() - restartedMs).toBeLessThan(8_000);
  });

  it("is in a snapshot with its deadline, and goes at a node that was sent that (scenario 64)", async () => {
    const cluster = await SnapshotCluster.start();
    const { clock } = cluster;
    const calledMs = clock.nowMs();
    await resolved(clock, cluster.leader().node.write(putFor("k", "v", 12_000)));
    const behind = (cluster.leader().node.status().nodeId === 3 ? 2 : 3) as NodeId;
    await cluster.leaveBehind(behind);
    cluster.network.heal(behind);
    expect(await cluster.agreed(8_000)).toBe(true);
    const { node, store } = cluster.node(behind);
    expect(node.driver.metrics().snapshotsInstalled).toBe(1);
    expect(text(store.get(utf8("k")))).toBe("v");
    expect(node.driver.time.newestStampMs).toBeGreaterThan(0);
    // The node that was sent the snapshot is made to lead, and ends the lease in time.
    const { nodeId } = cluster.leader().node.status();
    await resolved(clock, cluster.node(nodeId).node.driver.transferLeadership(behind));
    expect(await clock.advanceUntil(() => store.get(utf8("k")) === undefined, 20_000)).toBe(true);
    expect(clock.nowMs() - calledMs).toBeGreaterThanOrEqual(12_000);
    expect(clock.nowMs() - calledMs).toBeLessThan(13_000);
    expect(await cluster.agreed()).toBe(true);
  });

  it("never sees the wall clock (scenario 41)", async () => {
    const leader = await startLeader();
    const { clock, node, store } = leader;
    await resolved(clock, node.write(putFor("k", "v", 3_000)));
    clock.setWall(86_400_000);
    await clock.advance(1_000);
    expect(text(store.get(utf8("k")))).toBe("v");
    clock.setWall(-2 * 86_400_000);
    await clock.advance(3_000);
    expect(store.get(utf8("k"))).toBeUndefined();
  });

  it("goes after a pause of the leader that outlasted it, once that may speak again", async () => {
    const leader = await startLeader();
    const { clock, node, store } = leader;
    await resolved(clock, node.write(putFor("k", "v", 3_000)));
    clock.stall(10_000);
    expect(text(store.get(utf8("k")))).toBe("v");
    await clock.advance(1_000);
    expect(store.get(utf8("k"))).toBeUndefined();
  });

  it("loses its deadline to a plain put, also one in the way of the expiry (scenario 66)", async () => {
    const { clock, node, store } = await startLeader();
    await resolved(clock, node.write(putFor("k", "1", 2_000)));
    await clock.advance(1_900);
    await resolved(clock, node.write(put("k", "2")));
    await clock.advance(5_000);
    expect(text(store.get(utf8("k")))).toBe("2");
    expect(store.leaseCount).toBe(0);
  });
});

describe("A lease", () => {
  it("lives as long as it is kept alive, whoever leads meanwhile", async () => {
    const cluster = await SnapshotCluster.start();
    const { clock } = cluster;
    await resolved(clock, cluster.leader().node.write(grant(7, 4_000)));
    await resolved(clock, cluster.leader().node.write(putBound("lock", 7)));
    for (let beat = 0; beat < 10; beat += 1) {
      if (beat === 4) cluster.network.heal(await deposed(cluster));
      await clock.advance(1_000);
      const renewal = follow(cluster.leader().node.write(keepAlive(7)));
      await clock.advanceUntil(() => renewal().kind !== "pending");
      expect(told(renewal())).toBe("resolved");
    }
    expect(text(cluster.leader().store.get(utf8("lock")))).toBe("v");
    await clock.advance(5_000);
    expect(cluster.leader().store.get(utf8("lock"))).toBeUndefined();
    const late = follow(cluster.leader().node.write(keepAlive(7)));
    await clock.advanceUntil(() => late().kind !== "pending");
    expect(told(late())).toBe("LEASE_NOT_FOUND rejected");
    // T5: it never comes back.
    await clock.advance(10_000);
    expect(await cluster.agreed()).toBe(true);
    expect(cluster.leader().store.get(utf8("lock"))).toBeUndefined();
  });

  it("that was renewed outlives the expiry of a leader that was deposed (scenario 65)", async () => {
    const cluster = await SnapshotCluster.start();
    const { clock } = cluster;
    const old = cluster.leader();
    const { nodeId } = old.node.status();
    await resolved(clock, old.node.write(grant(7, 5_000)));
    await clock.advance(4_900);
    cluster.network.cut(nodeId);
    await clock.advance(300);
    const tail = old.storage.durable.slice(-2).flatMap(({ payload }) => {
      return payload.kind === "command" ? [decodeWriteCommand(payload.command)] : [];
    });
    expect(tail).toContainEqual(
      expect.objectContaining({ kind: "expire", leases: [expect.objectContaining({ id: 7 })] }),
    );
    // Another takes over, and hears of the client before it comes to look at deadlines.
    const others = ids.filter((id) => id !== nodeId).map((id) => cluster.node(id));
    const fresh = () => others.find(({ node }) => node.status().leaderReady);
    await clock.advanceUntil(() => fresh() !== undefined);
    await resolved(clock, (fresh() as RunningKvNode).node.write(keepAlive(7)));
    cluster.network.heal(nodeId);
    await clock.advance(2_000);
    expect(await cluster.agreed()).toBe(true);
    expect(old.store.leaseCount).toBe(1);
    await clock.advance(5_000);
    expect(old.store.leaseCount).toBe(0);
    expect(await cluster.agreed()).toBe(true);
  });

  it("is kept alive, and ended, while the disk is full (R10)", async () => {
    const { clock, node, store, storage } = await startLeader();
    await resolved(clock, node.write(grant(1, 3_000)));
    await resolved(clock, node.write(grant(2, 3_000)));
    storage.room(false);
    const refused = follow(node.write(put("k", "1")));
    const granted = follow(node.write(grant(3, 1_000)));
    for (let beat = 0; beat < 5; beat += 1) {
      await clock.advance(1_000);
      await resolved(clock, node.write(keepAlive(1)));
    }
    expect([told(refused()), told(granted())]).toEqual([
      "DISK_FULL rejected",
      "DISK_FULL rejected",
    ]);
    expect(store.leaseCount).toBe(1);
    await resolved(clock, node.query({ kind: "leaseList" })).then((answer) =>
      expect(answer).toEqual({ kind: "leases", ids: [1] }),
    );
  });

  it("is ended though the queue of writes is full (R10)", async () => {
    const { clock, node, store } = await startLeader({ options: { pendingProposalsMax: 1 } });
    await resolved(clock, node.write(grant(1, 2_000)));
    for (let at = 0; at < 600; at += 1) {
      node.write(put("k", `${at}`)).catch(() => undefined);
      await clock.advance(5);
    }
    expect(store.leaseCount).toBe(0);
  });
});

describe("Many times to live that end at once (scenario 70)", () => {
  it("end within a second, in bounded commands, and leave the loop to others", async () => {
    const leader = await startLeader();
    const { clock, node, store } = leader;
    const events = watchEvents(leader);
    const count = 4_000;
    const writes = Array.from({ length: count }, (_, at) =>
      follow(node.write(putFor(`k${at}`, "v", 2_000))),
    );
    await clock.advanceUntil(() => writes.every((write) => write().kind === "resolved"));
    await clock.advance(3_000);
    expect(store.keys).toBe(0);
    const commands = new Set(events.filter(({ deleted }) => deleted).map(({ index }) => index));
    expect(commands.size).toBeGreaterThanOrEqual(Math.ceil(count / 256));
    expect(node.driver.metrics().expiries).toBe(commands.size);
    expect(node.driver.metrics().upkeepRefused).toBe(0);
  });
});
