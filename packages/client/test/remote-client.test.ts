import { EngineError, nodeId } from "@d-engine/core";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type GrpcServer, startGrpcServer } from "../../server/src/grpc/index.js";
import { freePort } from "../../server/test/free-port.js";
import { MapNode, type SharedState, sharedState } from "../../server/test/map-node.js";
import { connect, type EngineClient, probeEndpoints, type RemoteClient } from "../src/index.js";

interface Cluster extends AsyncDisposable {
  readonly addresses: readonly string[];
  readonly nodes: readonly MapNode[];
  readonly shared: SharedState;
  stop(index: number): Promise<void>;
  restart(index: number): Promise<void>;
}

let cluster: Cluster;
let client: RemoteClient;
beforeEach(async () => {
  cluster = await startCluster(3);
  client = await connect(cluster.addresses, { timeoutMs: 4_000 });
});
afterEach(async () => {
  await client.close();
  await cluster[Symbol.asyncDispose]();
});

describe("the operations", () => {
  it("put, get, delete and compare-and-swap as documented", async () => {
    expect(await client.put("k", "v")).toEqual({ revision: 1 });
    expect(await client.getString("k")).toBe("v");
    expect(await client.compareAndSwap("k", undefined, "w")).toBe(false);
    expect(await client.compareAndSwap("k", "v", "w")).toBe(true);
    expect(await client.delete("k")).toBe(true);
    expect(await client.delete("k")).toBe(false);
    expect(await client.get("k")).toBeUndefined();
  });

  it("tell an empty value from an absent key, in every place", async () => {
    await client.put("k", "");
    expect(await client.get("k")).toEqual(new Uint8Array(0));
    expect(await client.compareAndSwap("k", undefined, "x")).toBe(false);
    expect(await client.compareAndSwap("k", "", "")).toBe(true);
    expect(await client.compareAndSwap("new", "", "x")).toBe(false);
    expect(await client.compareAndSwap("new", undefined, "")).toBe(true);
  });

  it("align getMulti with what was asked, repetitions and misses included", async () => {
    await client.put("a", "1");
    await client.put("b", "2");
    const values = await client.getMulti(["b", "x", "a", "b"]);
    expect(values.map((value) => value && Buffer.from(value).toString())).toEqual([
      "2",
      undefined,
      "1",
      "2",
    ]);
    expect(await client.getMulti([])).toEqual([]);
  });

  it("carry any bytes, and copy what they are given", async () => {
    const key = Uint8Array.of(0, 255, 128);
    const value = Uint8Array.from({ length: 70_000 }, (_, at) => at % 251);
    const sent = value.slice();
    const put = client.put(key, sent);
    sent.fill(0);
    await put;
    expect(await client.get(key)).toEqual(value);
  });

  it("read the keys that were asked for, whatever the caller does to its arrays afterwards", async () => {
    await client.put("k", "v");
    const key = Buffer.from("k");
    const get = client.get(key);
    key.fill(0);
    expect(await get).toEqual(Uint8Array.of(0x76));
  });

  it("scan a prefix in key order with the revision", async () => {
    for (const key of ["b/2", "a/1", "b/1"]) await client.put(key, key);
    const { entries, revision } = await client.scanPrefix("b/");
    expect(entries.map(({ key }) => Buffer.from(key).toString())).toEqual(["b/1", "b/2"]);
    expect(revision).toBe(3);
  });

  it("list members with roles, and the leader", async () => {
    expect(await client.getLeaderId()).toBe(1);
    expect(await client.listMembers()).toEqual([
      { id: 1, address: cluster.addresses[0], status: "active", role: "leader" },
      { id: 2, address: cluster.addresses[1], status: "active", role: "follower" },
      { id: 3, address: cluster.addresses[2], status: "active", role: "follower" },
    ]);
  });

  it.each<{ name: string; read: (of: EngineClient) => Promise<unknown>; level: string }>([
    { name: "getLinearizable", read: (of) => of.getLinearizable("k"), level: "linearizable" },
    { name: "getLease", read: (of) => of.getLease("k"), level: "lease" },
    { name: "getEventual", read: (of) => of.getEventual("k"), level: "eventual" },
    {
      name: "scan",
      read: (of) => of.scanPrefix("", { consistency: "eventual" }),
      level: "eventual",
    },
  ])("$name asks for its level", async ({ read, level }) => {
    await read(client);
    const seen = cluster.nodes.flatMap((node) => node.seen);
    expect(seen.map(({ options }) => options.consistency)).toEqual([level]);
  });

  it("leave the level to the server when none is asked for", async () => {
    await client.get("k");
    expect(cluster.nodes[0]?.seen[0]?.options.consistency).toBeUndefined();
  });

  it("refuse what cannot be sent before it is sent", async () => {
    await expect(client.put("k", "v", { ttlMs: 0.5 })).rejects.toMatchObject({
      code: "INVALID_REQUEST",
    });
    await expect(client.get("k", { timeoutMs: 0 })).rejects.toThrow(/timeoutMs/);
    await expect(client.get("k", { consistency: "strong" as "lease" })).rejects.toThrow(/strong/);
    expect(cluster.nodes.flatMap((node) => node.seen)).toEqual([]);
  });
});

describe("leadership", () => {
  it("follows the hint of a node that does not lead any more", async () => {
    cluster.shared.leaderId = nodeId(3);
    await client.put("k", "v");
    expect(cluster.nodes[2]?.seen).toHaveLength(1);
    await client.put("k", "w");
    expect(cluster.nodes[0]?.seen).toHaveLength(1);
  });

  it("finds the new leader when the old one is gone, with nothing in flight", async () => {
    await client.put("k", "v");
    await cluster.stop(0);
    cluster.shared.leaderId = nodeId(2);
    await client.put("k", "w");
    expect(await client.getString("k")).toBe("w");
  });

  it("waits within the deadline while nobody leads (scenario 63)", async () => {
    cluster.shared.leaderId = undefined;
    const put = client.put("k", "v");
    await expect.poll(() => cluster.nodes[0]?.seen.length).toBeGreaterThan(1);
    cluster.shared.leaderId = nodeId(2);
    expect(await put).toEqual({ revision: 1 });
  });

  it("ends with the last reason when the deadline passes", async () => {
    cluster.shared.leaderId = undefined;
    await expect(client.put("k", "v", { timeoutMs: 300 })).rejects.toMatchObject({
      code: "NOT_LEADER",
      outcome: "rejected",
      message: expect.stringMatching(/attempt \d+, within 300 ms/),
    });
  });

  it("comes back to a node that was restarted", async () => {
    await Promise.all([cluster.stop(0), cluster.stop(1), cluster.stop(2)]);
    const put = client.put("k", "v", { timeoutMs: 10_000 });
    await cluster.restart(0);
    expect(await put).toEqual({ revision: 1 });
  });
});

describe("failing reads and writes", () => {
  it("reads elsewhere when a node leaves a read unanswered", async () => {
    await client.put("k", "v");
    for (const node of cluster.nodes) node.hangs = node === cluster.nodes[0];
    cluster.shared.leaderId = nodeId(2);
    expect(await client.getString("k", { timeoutMs: 1_000 })).toBe("v");
  });

  it("says that the outcome of an unanswered write is unknown, and sends it once (C2)", async () => {
    const leader = cluster.nodes[0] as MapNode;
    leader.hangs = true;
    await expect(client.put("k", "v", { timeoutMs: 200 })).rejects.toMatchObject({
      code: "OUTCOME_UNKNOWN",
      outcome: "unknown",
    });
    expect(cluster.nodes.flatMap((node) => node.seen)).toHaveLength(1);
  });

  it("says that the outcome of a write is unknown when the connection breaks under it", async () => {
    const leader = cluster.nodes[0] as MapNode;
    leader.hangs = true;
    const put = client.put("k", "v");
    await expect.poll(() => leader.seen.length).toBe(1);
    const [result] = await Promise.allSettled([put, cluster.stop(0)]);
    expect(result).toMatchObject({ status: "rejected", reason: { code: "OUTCOME_UNKNOWN" } });
    expect(cluster.nodes.flatMap((node) => node.seen)).toHaveLength(1);
  });

  it("passes an unknown outcome on that the server declared", async () => {
    (cluster.nodes[0] as MapNode).refusal = new EngineError("OUTCOME_UNKNOWN", "deposed");
    await expect(client.put("k", "v")).rejects.toMatchObject({ code: "OUTCOME_UNKNOWN" });
    expect(cluster.nodes.flatMap((node) => node.seen)).toHaveLength(1);
  });

  it.each(["INVALID_REQUEST", "DISK_FULL", "DATA_CORRUPTION"] as const)(
    "passes %s on with message and outcome, from write, read and scan",
    async (code) => {
      (cluster.nodes[0] as MapNode).refusal = new EngineError(code, `because of ${code}`);
      const expected = {
        code,
        outcome: "rejected",
        message: expect.stringContaining(`of ${code}`),
      };
      await expect(client.put("k", "v")).rejects.toMatchObject(expected);
      await expect(client.get("k")).rejects.toMatchObject(expected);
      await expect(client.scanPrefix("k")).rejects.toMatchObject(expected);
    },
  );

  it("waits out an overload", async () => {
    const leader = cluster.nodes[0] as MapNode;
    leader.refusal = new EngineError("RATE_LIMITED", "full", { retryAfterMs: 30 });
    const put = client.put("k", "v");
    await expect.poll(() => leader.seen.length).toBeGreaterThan(1);
    leader.refusal = undefined;
    expect(await put).toEqual({ revision: 1 });
  });

  it("refuses a message that is too large as INVALID_REQUEST, with certainty", async () => {
    await expect(client.put("k", new Uint8Array(5 * 1024 * 1024))).rejects.toMatchObject({
      code: "INVALID_REQUEST",
      outcome: "rejected",
    });
  });
});

describe("abort", () => {
  it("rejects with the signal's reason and cancels the call at the node", async () => {
    const leader = cluster.nodes[0] as MapNode;
    leader.hangs = true;
    const reason = new Error("changed my mind");
    const abort = new AbortController();
    const get = client.get("k", { signal: abort.signal });
    await expect.poll(() => leader.seen.length).toBe(1);
    abort.abort(reason);
    await expect(get).rejects.toBe(reason);
    await expect.poll(() => leader.seen[0]?.options.signal?.aborted).toBe(true);
  });

  it("ends a pause between attempts, and refuses a call that is aborted before it begins", async () => {
    cluster.shared.leaderId = undefined;
    const abort = new AbortController();
    const put = client.put("k", "v", { signal: abort.signal });
    await expect.poll(() => cluster.nodes[0]?.seen.length).toBeGreaterThan(0);
    abort.abort();
    await expect(put).rejects.toMatchObject({ name: "AbortError" });
    await expect(client.get("k", { signal: abort.signal })).rejects.toMatchObject({
      name: "AbortError",
    });
  });
});

describe("connect", () => {
  it("needs one endpoint that works, and finds the other nodes by itself", async () => {
    const dead = `127.0.0.1:${await freePort()}`;
    await using found = await connect([dead, `http://${cluster.addresses[2]}`]);
    await found.put("k", "v");
    expect(cluster.nodes[0]?.seen).toHaveLength(1);
  });

  it("waits for a leader that can serve", async () => {
    (cluster.nodes[0] as MapNode).ready = false;
    const connecting = connect([cluster.addresses[0] as string]);
    (cluster.nodes[0] as MapNode).ready = true;
    await using late = await connecting;
    expect(await late.getLeaderId()).toBe(1);
  });

  it("says what each endpoint answered when none has a usable leader", async () => {
    const dead = `127.0.0.1:${await freePort()}`;
    cluster.shared.leaderId = undefined;
    await expect(
      connect([dead, cluster.addresses[1] as string], { readyTimeoutMs: 2_000 }),
    ).rejects.toMatchObject({
      code: "CLUSTER_UNAVAILABLE",
      message: expect.stringMatching(
        `${dead}: no connection.*${cluster.addresses[1]}: answers, but`,
      ),
    });
  });

  it("does not take a node's word for a leader that cannot be reached", async () => {
    await cluster.stop(0);
    await expect(
      connect([cluster.addresses[1] as string], { readyTimeoutMs: 2_000 }),
    ).rejects.toMatchObject({
      message: expect.stringMatching(/names a leader, but .*no connection/),
    });
  });

  it.each([
    { endpoints: [], options: {}, code: "INVALID_ADDRESS" },
    { endpoints: ["nonsense"], options: {}, code: "INVALID_ADDRESS" },
    {
      endpoints: ["h:1"],
      options: { timeoutMs: -1, callsInFlightMax: 0 },
      code: "INVALID_REQUEST",
    },
  ])("refuses $endpoints with $options", async ({ endpoints, options, code }) => {
    await expect(connect(endpoints, options)).rejects.toMatchObject({ code });
  });

  it("can be aborted", async () => {
    const signal = AbortSignal.abort(new Error("never mind"));
    await expect(connect(cluster.addresses, { signal })).rejects.toThrow("never mind");
  });
});

describe("probeEndpoints", () => {
  it("says what each node knows, also without a leader", async () => {
    const dead = `127.0.0.1:${await freePort()}`;
    cluster.shared.leaderId = undefined;
    const [first, second] = await probeEndpoints([cluster.addresses[1] as string, dead]);
    expect(first).toMatchObject({ kind: "answered", view: { leaderId: undefined } });
    expect(second).toEqual({
      kind: "failed",
      endpoint: dead,
      reason: `${dead}: no connection; does a node listen there?`,
    });
  });
});

describe("close", () => {
  it("lets calls in flight finish and refuses new ones", async () => {
    const put = client.put("k", "v");
    const closing = client.close();
    await expect(client.get("k")).rejects.toMatchObject({ code: "CLOSED" });
    expect(await put).toEqual({ revision: 1 });
    await closing;
    await client.close();
    await expect(client.refresh()).rejects.toMatchObject({ code: "CLOSED" });
  });

  it("happens at the end of a scope", async () => {
    let escaped: EngineClient;
    {
      await using scoped = await connect(cluster.addresses);
      escaped = scoped;
    }
    await expect(escaped.get("k")).rejects.toMatchObject({ code: "CLOSED" });
  });
});

it("refuses more calls in flight than its bound, naming it", async () => {
  await using small = await connect(cluster.addresses, { callsInFlightMax: 1 });
  const first = small.put("k", "v");
  await expect(small.put("k", "w")).rejects.toMatchObject({
    code: "RATE_LIMITED",
    message: expect.stringMatching(/callsInFlightMax/),
  });
  await first;
});

async function startCluster(size: number): Promise<Cluster> {
  const addresses: string[] = [];
  while (addresses.length < size) addresses.push(`127.0.0.1:${await freePort()}`);
  const shared = sharedState(addresses);
  const nodes = addresses.map((_, at) => new MapNode(at + 1, shared));
  const start = (at: number): Promise<GrpcServer> =>
    startGrpcServer({
      node: nodes[at] as MapNode,
      listen: addresses[at] as string,
      drainTimeoutMs: 100,
    });
  const servers = await Promise.all(nodes.map((_, at) => start(at)));
  return {
    addresses,
    nodes,
    shared,
    stop: async (at) => await servers[at]?.close(),
    restart: async (at) => {
      servers[at] = await start(at);
    },
    async [Symbol.asyncDispose]() {
      await Promise.all(servers.map((server) => server.close()));
    },
  };
}
