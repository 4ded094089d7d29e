import type { NodeId } from "@d-engine/core";
import { describe, expect, it } from "vitest";
import { put, text, utf8 } from "./testing/commands.js";
import { follow, told } from "./testing/outcome.js";
import { type Cluster, startCluster } from "./testing/start-kv-node.js";

const key = utf8("k");

/** Cuts the leader off and lets the others elect one of them. */
async function deposeLeader(cluster: Cluster) {
  const old = cluster.leader();
  if (old === undefined) throw new Error("no leader to depose");
  const { nodeId } = old.node.status();
  cluster.network.cut(nodeId);
  const elected = () =>
    cluster.nodes.find(({ node }) => node !== old.node && node.status().leaderReady);
  await cluster.clock.advanceUntil(() => elected() !== undefined);
  return { old, nodeId, fresh: elected() ?? old };
}

describe("Drivers of three nodes", () => {
  it("replicate a write to all before long, and to a majority before it is acknowledged", async () => {
    const { clock, nodes, leader } = await startCluster();
    const write = follow(leader()?.node.write(put("k", "1")) ?? Promise.reject(new Error()));
    await clock.advanceUntil(() => write().kind !== "pending");
    expect(told(write())).toBe("resolved");
    const holders = nodes.filter(({ storage }) => storage.durable.length === 2);
    expect(holders.length).toBeGreaterThanOrEqual(2);
    await clock.advance(500);
    expect(nodes.map(({ store }) => text(store.get(key)))).toEqual(["1", "1", "1"]);
    const [hash] = nodes.map(({ store }) => store.stateHash());
    expect(nodes.map(({ store }) => store.stateHash())).toEqual([hash, hash, hash]);
  });

  it("do not acknowledge while followers have not synced (I7)", async () => {
    const { clock, nodes, leader } = await startCluster();
    for (const { storage, node } of nodes) storage.automatic = node.status().role === "leader";
    const write = follow(leader()?.node.write(put("k", "1")) ?? Promise.reject(new Error()));
    await clock.advance(300);
    expect(told(write())).toBe("pending");
    for (const { storage } of nodes) storage.sync();
    await clock.advance(10);
    expect(told(write())).toBe("resolved");
  });

  it("send no answer that rests on a disk that failed, even when it recovers (scenario 55)", async () => {
    const { clock, network, nodes, leader } = await startCluster();
    const lead = leader();
    const [voter, other] = nodes.filter((each) => each !== lead);
    if (lead === undefined || voter === undefined || other === undefined)
      throw new Error("no leader");
    network.cut(other.node.status().nodeId);
    voter.storage.automatic = false;
    const write = follow(lead.node.write(put("k", "1")));
    await clock.advance(5);
    expect(voter.storage.unsynced).toBe(1);
    voter.storage.fail(new Error("EIO"));
    voter.storage.sync();
    await clock.advance(300);
    expect(told(write())).toBe("pending");
    expect(voter.node.driver.state).toBe("failed");
  });

  it("refuse writes and lease reads on a follower, with a hint to the leader", async () => {
    const { clock, nodes, leader } = await startCluster();
    const follower = nodes.find(({ node }) => node.status().role === "follower");
    if (follower === undefined) throw new Error("no follower");
    const { nodeId: leaderId } = leader()?.node.status() ?? {};
    const address = ["", "a:1", "b:2", "c:3"][leaderId ?? 0];
    const write = follower.node.write(put("k", "1"));
    const lease = follower.node.read([key], { consistency: "lease" });
    const refused = { code: "NOT_LEADER", outcome: "rejected", leader: { leaderId, address } };
    const both = Promise.allSettled([write, lease]);
    await clock.advance(1);
    expect(await both).toMatchObject([{ reason: refused }, { reason: refused }]);
  });

  it("serve linearizable reads on a follower, after the index of the leader (I10)", async () => {
    const { clock, nodes, leader } = await startCluster();
    const write = follow(leader()?.node.write(put("k", "1")) ?? Promise.reject(new Error()));
    await clock.advanceUntil(() => write().kind !== "pending");
    const follower = nodes.find(({ node }) => node.status().role === "follower");
    const read = follow(follower?.node.read([key]) ?? Promise.reject(new Error()));
    await clock.advanceUntil(() => read().kind !== "pending");
    const standing = read();
    expect(standing.kind === "resolved" && standing.value.map(text)).toEqual(["1"]);
  });

  it("end the writes of a deposed leader as failed once they are overwritten (scenario 24)", async () => {
    const cluster = await startCluster({ requestTimeoutMs: 60_000 });
    const { clock } = cluster;
    const lead = cluster.leader();
    if (lead === undefined) throw new Error("no leader");
    cluster.network.cut(lead.node.status().nodeId);
    const lost = ["a", "b"].map((name) => follow(lead.node.write(put(name, "lost"))));
    await clock.advance(2);
    const { fresh, nodeId } = await deposeLeader(cluster);
    const kept = follow(fresh.node.write(put("a", "kept")));
    await clock.advance(50);
    expect(told(kept())).toBe("resolved");
    expect(lost.map((write) => told(write()))).toEqual(["pending", "pending"]);
    cluster.network.heal(nodeId);
    await clock.advance(3_000);
    expect(lost.map((write) => told(write()))).toEqual([
      "PROPOSE_FAILED rejected",
      "PROPOSE_FAILED rejected",
    ]);
    expect(text(lead.store.get(utf8("a")))).toBe("kept");
    expect(lead.store.get(utf8("b"))).toBeUndefined();
  });

  it("end every write at its deadline when nobody overwrites it (L2)", async () => {
    const cluster = await startCluster({ requestTimeoutMs: 400 });
    const lead = cluster.leader();
    if (lead === undefined) throw new Error("no leader");
    for (const { node } of cluster.nodes) cluster.network.cut(node.status().nodeId);
    const writes = Array.from({ length: 2_000 }, (_, at) =>
      follow(lead.node.write(put(`k${at}`, "v"))),
    );
    await cluster.clock.advance(500);
    expect(new Set(writes.map((write) => told(write())))).toEqual(
      new Set(["OUTCOME_UNKNOWN unknown"]),
    );
    expect(lead.node.driver.metrics()).toMatchObject({ pendingProposals: 0 });
  });

  it("serve no lease and no linearizable read on a leader that is cut off (scenarios 7, 38)", async () => {
    const cluster = await startCluster();
    const { old, fresh } = await deposeLeader(cluster);
    const write = follow(fresh.node.write(put("k", "new")));
    await cluster.clock.advance(20);
    expect(told(write())).toBe("resolved");
    const stale = (["lease", "linearizable"] as const).map((consistency) =>
      follow(old.node.read([key], { consistency, timeoutMs: 500 })),
    );
    await cluster.clock.advance(600);
    expect(stale.map((read) => read().kind)).toEqual(["rejected", "rejected"]);
  });

  it("tell listeners who leads, once for each change", async () => {
    const cluster = await startCluster();
    const seen: (NodeId | undefined)[][] = cluster.nodes.map(() => []);
    for (const [at, { node }] of cluster.nodes.entries()) {
      node.driver.leader.subscribe((leader) => seen[at]?.push(leader?.leaderId));
    }
    const { old, fresh, nodeId } = await deposeLeader(cluster);
    cluster.network.heal(nodeId);
    await cluster.clock.advance(3_000);
    const leads = fresh.node.status().nodeId;
    expect(seen[cluster.nodes.indexOf(old)]).toEqual([undefined, leads]);
    expect(cluster.nodes.map(({ node }) => node.driver.leader.current?.leaderId)).toEqual([
      leads,
      leads,
      leads,
    ]);
  });
});
