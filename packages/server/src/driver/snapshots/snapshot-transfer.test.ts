import type { MembershipChange, Message, NodeId } from "@d-engine/core";
import { tableCrc32 } from "@d-engine/storage";
import { describe, expect, it } from "vitest";
import { text, utf8 } from "../testing/commands.js";
import { follow } from "../testing/outcome.js";
import { followerOf, SnapshotCluster } from "../testing/snapshot-cluster.js";
import { fill } from "../testing/snapshot-state.js";
import type { Delivery } from "../testing/virtual-network.js";

const isTransfer = ({ kind }: Message) =>
  kind === "installSnapshot" || kind === "installSnapshotResponse";

describe("a snapshot sent to a follower that is far behind", () => {
  it("brings it up, in windows of chunks (L3)", async () => {
    const cluster = await SnapshotCluster.start();
    const lagging = followerOf(cluster);
    await cluster.leaveBehind(lagging);
    const { node } = cluster.leader();
    const windows: number[] = [];
    cluster.network.disturb = (message) => {
      if (message.kind === "installSnapshot") windows.push(message.chunks.length);
      return [{ message, delayMs: 1 }];
    };
    cluster.network.heal(lagging);
    expect(await cluster.agreed()).toBe(true);
    const chunks = Math.ceil((cluster.storage(lagging).snapshots.newest?.bytes ?? 0) / 1_024);
    expect(chunks).toBeGreaterThan(20);
    expect(windows[0]).toBe(0);
    expect(Math.max(...windows)).toBe(8);
    expect(node.driver.metrics()).toMatchObject({
      snapshotsSent: 1,
      snapshotChunksSent: chunks,
      snapshotsSending: 0,
    });
    expect(cluster.node(lagging).node.driver.metrics()).toMatchObject({
      snapshotsInstalled: 1,
      snapshotChunksReceived: chunks,
      snapshotsReceiving: 0,
    });
    for (const id of [1, 2, 3] as NodeId[]) expect(cluster.storage(id).snapshots.handles).toBe(0);
    await fill(cluster.leader(), 3, 20, "last");
    expect(await cluster.agreed()).toBe(true);
  });

  it("brings the members along, and tells who subscribed to them", async () => {
    const cluster = await SnapshotCluster.start();
    const lagging = followerOf(cluster);
    cluster.network.cut(lagging);
    const change = { kind: "addNode", nodeId: 4, address: "d:4", status: "readOnly" };
    const adding = follow(
      cluster.leader().node.driver.changeMembership(change as MembershipChange),
    );
    await cluster.clock.advanceUntil(() => adding().kind !== "pending");
    await cluster.leaveBehind(lagging);
    const { driver } = cluster.node(lagging).node;
    const heard: number[][] = [];
    driver.subscribeMembership(({ members }) => heard.push(members.map(({ id }) => id)));
    cluster.network.heal(lagging);
    expect(await cluster.agreed()).toBe(true);
    expect(driver.configuration).toEqual(cluster.leader().node.driver.configuration);
    expect(heard).toEqual([[1, 2, 3, 4]]);
  });

  it("serves the old state until the new one is there, and reads of it afterwards", async () => {
    const cluster = await SnapshotCluster.start();
    const lagging = followerOf(cluster);
    await fill(cluster.leader(), 1, 20, "old");
    await cluster.agreed();
    await cluster.leaveBehind(lagging);
    const { node, store } = cluster.node(lagging);
    const seen = new Set<string>();
    cluster.network.heal(lagging);
    await cluster.clock.advanceUntil(() => {
      const [first, last] = ["key-0", "key-199"].map((key) => text(store.get(utf8(key))));
      seen.add(`${first?.slice(0, 3)} ${last?.slice(0, 3)}`);
      return cluster.agree();
    });
    expect([...seen]).toEqual(["old undefined", "v0- v19", "aft v19"]);
    const read = follow(node.read([utf8("key-7")], { consistency: "linearizable" }));
    await cluster.clock.advanceUntil(() => read().kind !== "pending");
    expect(read().kind).toBe("resolved");
  });

  const troubles: { name: string; disturb: (message: Message, nth: number) => Delivery[] }[] = [
    {
      name: "a third of the messages is lost",
      disturb: (message, nth) => ((nth * 7_919) % 100 < 33 ? [] : [{ message, delayMs: 1 }]),
    },
    {
      name: "every message comes twice",
      disturb: (message) => [1, 7].map((delayMs) => ({ message, delayMs })),
    },
    {
      name: "messages overtake each other",
      disturb: (message, nth) => [{ message, delayMs: 1 + ((nth * 7) % 40) }],
    },
    {
      name: "chunks are damaged on the way",
      disturb: (message, nth) => [
        { message: nth % 4 === 0 ? damaged(message) : message, delayMs: 1 },
      ],
    },
    {
      name: "chunks come twice within a message",
      disturb: (message) => [
        { message: doubled(message), delayMs: 1 },
        { message, delayMs: 2 },
      ],
    },
  ];
  it.each(troubles)("arrives when $name (scenario 46)", async ({ disturb }) => {
    const cluster = await SnapshotCluster.start();
    const lagging = followerOf(cluster);
    await cluster.leaveBehind(lagging);
    let transferred = 0;
    cluster.network.disturb = (message) => {
      if (!isTransfer(message)) return [{ message, delayMs: 1 }];
      transferred += 1;
      return disturb(message, transferred);
    };
    cluster.network.heal(lagging);
    expect(await cluster.agreed(300_000)).toBe(true);
    expect(cluster.node(lagging).node.driver.metrics().snapshotsInstalled).toBe(1);
  });

  it("is not sent over and over when answers come twice", async () => {
    const cluster = await SnapshotCluster.start();
    const lagging = followerOf(cluster);
    await cluster.leaveBehind(lagging);
    cluster.network.disturb = (message) =>
      message.kind === "installSnapshotResponse"
        ? [1, 2].map((delayMs) => ({ message, delayMs }))
        : [{ message, delayMs: 1 }];
    cluster.network.heal(lagging);
    expect(await cluster.agreed()).toBe(true);
    const chunks = Math.ceil((cluster.storage(lagging).snapshots.newest?.bytes ?? 0) / 1_024);
    expect(cluster.leader().node.driver.metrics().snapshotChunksSent).toBe(chunks);
  });

  it("counts damaged chunks, and takes none of them", async () => {
    const cluster = await SnapshotCluster.start();
    const lagging = followerOf(cluster);
    await cluster.leaveBehind(lagging);
    let windows = 0;
    cluster.network.disturb = (message) => {
      if (message.kind !== "installSnapshot" || message.chunks.length === 0) {
        return [{ message, delayMs: 1 }];
      }
      windows += 1;
      return [{ message: windows <= 3 ? damaged(message) : message, delayMs: 1 }];
    };
    cluster.network.heal(lagging);
    expect(await cluster.agreed()).toBe(true);
    expect(cluster.node(lagging).node.driver.metrics()).toMatchObject({
      snapshotChunksDamaged: 3,
      snapshotReceiptsDamaged: 0,
    });
  });

  it("begins anew when the whole is not what was announced", async () => {
    const cluster = await SnapshotCluster.start();
    const lagging = followerOf(cluster);
    await cluster.leaveBehind(lagging);
    let wrong = true;
    cluster.network.disturb = (message) => {
      if (message.kind !== "installSnapshot") return [{ message, delayMs: 1 }];
      const { data } = message.chunks[0] ?? {};
      if (wrong && data !== undefined && message.chunks[0]?.sequence === 8) {
        wrong = false;
        return [{ message: forged(message), delayMs: 1 }];
      }
      return [{ message, delayMs: 1 }];
    };
    cluster.network.heal(lagging);
    expect(await cluster.agreed()).toBe(true);
    expect(cluster.node(lagging).node.driver.metrics()).toMatchObject({
      snapshotReceiptsDamaged: 1,
      snapshotsInstalled: 1,
    });
  });

  it("goes on where it was after the connection was away", async () => {
    const cluster = await SnapshotCluster.start();
    const lagging = followerOf(cluster);
    await cluster.leaveBehind(lagging);
    cluster.network.heal(lagging);
    await halfReceived(cluster, lagging);
    const { snapshotChunksReceived: before } = cluster.node(lagging).node.driver.metrics();
    cluster.network.cut(lagging);
    await cluster.clock.advance(700);
    cluster.network.heal(lagging);
    expect(await cluster.agreed()).toBe(true);
    const chunks = Math.ceil((cluster.storage(lagging).snapshots.newest?.bytes ?? 0) / 1_024);
    expect(before).toBeGreaterThan(5);
    // Each chunk was taken once, and at most the one window was sent for nothing.
    expect(cluster.node(lagging).node.driver.metrics().snapshotChunksReceived).toBe(chunks);
    const { snapshotChunksSent } = cluster.leader().node.driver.metrics();
    expect(snapshotChunksSent).toBeLessThanOrEqual(chunks + 8);
  });

  it("goes on where it was after the receiver crashed (scenario 43)", async () => {
    const cluster = await SnapshotCluster.start();
    const lagging = followerOf(cluster);
    await cluster.leaveBehind(lagging);
    cluster.network.heal(lagging);
    await halfReceived(cluster, lagging);
    const kept = cluster.storage(lagging).partialBytes ?? 0;
    cluster.crash(lagging);
    const { node, store } = await cluster.startNode(lagging);
    expect(store.keys).toBe(0);
    expect(await cluster.agreed()).toBe(true);
    const chunks = Math.ceil((cluster.storage(lagging).snapshots.newest?.bytes ?? 0) / 1_024);
    const { snapshotChunksReceived } = node.driver.metrics();
    expect(kept).toBeGreaterThan(5_000);
    expect(snapshotChunksReceived).toBe(chunks - kept / 1_024);
  });

  it("is gone on with by the next leader when that has the same, in chunks of its size (scenario 45)", async () => {
    const cluster = await SnapshotCluster.start();
    const lagging = followerOf(cluster);
    const leads = cluster.leader().node.status().nodeId;
    const other = ([1, 2, 3] as NodeId[]).find((id) => id !== leads && id !== lagging) as NodeId;
    await cluster.leaveBehind(lagging);
    // The next leader has the very same file, and a log that is as short.
    const file = cluster.storage(leads).snapshots.disk.complete.at(-1);
    if (file === undefined) throw new Error("no snapshot");
    cluster.crash(other);
    cluster.storage(other).snapshots.disk.complete.push(file);
    const fresh = await cluster.startNode(other, { snapshotChunkBytes: 1_500 });
    await cluster.clock.advance(100);
    cluster.network.heal(lagging);
    await halfReceived(cluster, lagging);
    cluster.crash(leads);
    // The rest of the window that is under way counts as received from the old leader.
    await cluster.clock.advance(20);
    const { snapshotChunksReceived: before } = cluster.node(lagging).node.driver.metrics();
    await cluster.clock.advanceUntil(() => cluster.leads() === fresh);
    expect(await cluster.agreed()).toBe(true);
    const { snapshotsInstalled, snapshotChunksReceived } = cluster
      .node(lagging)
      .node.driver.metrics();
    expect(before).toBeGreaterThan(5);
    expect(snapshotsInstalled).toBe(1);
    const rest = Math.ceil((file.bytes.length - before * 1_024) / 1_500) + 1;
    expect(snapshotChunksReceived - before).toBeLessThanOrEqual(rest);
  });
});

async function halfReceived(cluster: SnapshotCluster, id: NodeId): Promise<void> {
  const label = cluster.leader().storage.snapshots.newest;
  if (label === undefined) throw new Error("no snapshot");
  const half = await cluster.clock.advanceUntil(
    () => (cluster.storage(id).partialBytes ?? 0) >= label.bytes / 2,
  );
  if (!half) throw new Error("the transfer does not get on");
}

/** Another byte in the first chunk, with the old CRC. */
function damaged(message: Message): Message {
  if (message.kind !== "installSnapshot") return message;
  const [first, ...rest] = message.chunks;
  if (first === undefined) return message;
  const data = first.data.slice();
  data[0] = (data[0] ?? 0) ^ 1;
  return { ...message, chunks: [{ ...first, data }, ...rest] };
}

/** The same with the CRC of what it holds: only the checksum of the whole tells. */
function forged(message: Message): Message {
  const changed = damaged(message);
  if (changed.kind !== "installSnapshot") return changed;
  const chunks = changed.chunks.map((chunk) => ({ ...chunk, crc32: tableCrc32(chunk.data) }));
  return { ...changed, chunks };
}

function doubled(message: Message): Message {
  if (message.kind !== "installSnapshot") return message;
  return { ...message, chunks: message.chunks.flatMap((chunk) => [chunk, chunk]) };
}
