import { isEngineError } from "@d-engine/core";
import { describe, expect, it } from "vitest";
import { follow } from "./driver/testing/outcome.js";
import { type Cluster, type RunningKvNode, startCluster } from "./driver/testing/start-kv-node.js";
import { EmbeddedClient } from "./embedded-client.js";
import { ForwardingClient } from "./forwarding-client.js";

interface Forwarding {
  readonly client: ForwardingClient;
  /** How often the client reached out to the others. */
  readonly connections: () => number;
}

/** A client of `at` that reaches `leader` where the production client reaches it over gRPC. */
function clientOf({ clock }: Cluster, at: RunningKvNode, leader: RunningKvNode): Forwarding {
  let connections = 0;
  const client = new ForwardingClient({
    node: at.node,
    local: new EmbeddedClient(at.node),
    clock,
    timeoutMs: 5_000,
    connectPeers: () => {
      connections += 1;
      return new EmbeddedClient(leader.node);
    },
  });
  return { client, connections: () => connections };
}

async function settled<T>({ clock }: Cluster, promise: Promise<T>): Promise<T> {
  const standing = follow(promise);
  await clock.advanceUntil(() => standing().kind !== "pending");
  return promise;
}

async function start() {
  const cluster = await startCluster();
  const leader = cluster.leader();
  const follower = cluster.nodes.find(({ node }) => node.status().role === "follower");
  if (leader === undefined || follower === undefined) throw new Error("no leader, or no follower");
  return { cluster, leader, follower, ...clientOf(cluster, follower, leader) };
}

describe("ForwardingClient", () => {
  it("does every operation on a follower, over one connection", async () => {
    const { cluster, client, connections } = await start();
    const done = <T>(promise: Promise<T>) => settled(cluster, promise);
    expect(await done(client.put("a/1", "one"))).toEqual({ revision: 1 });
    expect(await done(client.compareAndSwap("a/1", "one", "uno"))).toBe(true);
    expect(await done(client.compareAndSwap("a/1", undefined, "no"))).toBe(false);
    for (const consistency of ["linearizable", "lease"] as const) {
      expect(await done(client.getString("a/1", { consistency }))).toBe("uno");
      expect(await done(client.getMulti(["a/2"], { consistency }))).toEqual([undefined]);
      expect(await done(client.scanPrefix("a/", { consistency }))).toMatchObject({ revision: 2 });
    }
    expect(await done(client.delete("a/1"))).toBe(true);
    expect(connections()).toBe(1);
  });

  it("asks nobody else for what this node can serve itself", async () => {
    const { cluster, leader, client, connections } = await start();
    const atLeader = clientOf(cluster, leader, leader);
    await settled(cluster, atLeader.client.put("k", "1"));
    expect(await settled(cluster, atLeader.client.getString("k"))).toBe("1");
    expect(await settled(cluster, client.getString("k"))).toBe("1");
    expect(await settled(cluster, client.getString("k", { consistency: "eventual" }))).toBe("1");
    expect([connections(), atLeader.connections()]).toEqual([0, 0]);
  });

  // Whatever the class of the array: `slice` of a Buffer is a view of it.
  it.each([
    { name: "Uint8Array", make: (text: string) => new Uint8Array(Buffer.from(text)) },
    { name: "Buffer", make: (text: string) => Buffer.from(text) },
  ])("sends on what a $name held when the call was made", async ({ make }) => {
    const { cluster, leader, client } = await start();
    const [key, expected, value, swapped] = ["k", "1", "1", "2"].map(make);
    const written = client.put(key!, value!);
    for (const bytes of [key, value]) bytes!.fill(0);
    await settled(cluster, written);
    const name = make("k");
    const swap = client.compareAndSwap(name, expected, swapped!);
    for (const bytes of [name, expected, swapped]) bytes!.fill(0);
    expect(await settled(cluster, swap)).toBe(true);
    expect(Buffer.from(leader.store.get(make("k")) ?? []).toString()).toBe("2");
  });

  it("does not send on what breaks a rule, nor what may have had an effect here (C2)", async () => {
    const { cluster, leader, follower, client, connections } = await start();
    const bad = await settled(
      cluster,
      client.put("", "1").catch((error: unknown) => error),
    );
    expect(isEngineError(bad, "INVALID_REQUEST") && connections()).toBe(0);
    // A leader that is cut off takes the write into its log and never hears of it again.
    const atOld = clientOf(cluster, leader, follower);
    cluster.network.cut(leader.node.status().nodeId);
    const lost = atOld.client.put("k", "1", { timeoutMs: 300 }).catch((error: unknown) => error);
    expect(isEngineError(await settled(cluster, lost), "OUTCOME_UNKNOWN")).toBe(true);
    expect(atOld.connections()).toBe(0);
  });
});
