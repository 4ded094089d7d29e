import { connectLazilyOver, type RemoteClient, type WatchBatch } from "@d-engine/client";
import { beforeEach, describe, expect, it } from "vitest";
import { Cluster } from "../../cluster/cluster.js";
import { Prng } from "../../prng.js";
import type { ClusterPlan } from "../../swarm/plan.js";
import { quietPlan } from "../../testing/script.js";
import { WorldClock } from "../../world/world-clock.js";
import { SimulatedTransport } from "../simulated-transport.js";

let cluster: Cluster<ClusterPlan>;
let client: RemoteClient;

beforeEach(async () => {
  cluster = new Cluster(quietPlan);
  for (const node of cluster.nodes) node.start();
  await during(() => cluster.leader?.driver?.status().leaderReady === true);
  const random = new Prng(9);
  const transport = new SimulatedTransport({ cluster, name: "client", place: 0, random });
  const addresses = cluster.nodes.map(({ address }) => address);
  const ports = { transport, clock: new WorldClock(cluster.world), random };
  client = connectLazilyOver(ports, addresses, {});
});

async function during(condition: () => boolean): Promise<void> {
  const { world, witness } = cluster;
  const done = await world.run(world.nowMs + 60_000, condition);
  expect(witness.violation).toBeUndefined();
  expect(done).toBe(true);
}

/** Lets the world go on until the promise settles. */
async function settled<T>(promise: Promise<T>): Promise<T> {
  let over = false;
  const done = (): void => {
    over = true;
  };
  promise.then(done, done);
  await during(() => over);
  return await promise;
}

const text = (batch: WatchBatch) =>
  batch.events.map((event) => {
    const what = event.kind === "put" ? event.record : event;
    return `${event.revision} ${event.kind} ${String.fromCharCode(...what.key)}`;
  });

describe("a watch through the simulated network (R21)", () => {
  it("brings events, in whole revisions, with what was there before", async () => {
    await settled(client.put("k1", "a"));
    await cluster.world.run(cluster.world.nowMs + 200);
    const watch = client.watch({ prefix: "k" }, { previous: true });
    expect(await settled(watch.ready())).toBe(1);
    const txn = client
      .txn()
      .then({ kind: "put", key: "k1", value: "b" }, { kind: "put", key: "k2", value: "b" });
    await settled(txn.commit());
    const { value } = await settled(watch.next());
    expect(text(value!)).toEqual(["2 put k1", "2 put k2"]);
    expect(value!.events[0]!.previous).toMatchObject({ modRevision: 1, version: 1 });
  });

  it("goes on where it was when its node goes away, without gap or repeat (W2, W3, W5)", async () => {
    const watch = client.watch({ prefix: "k" });
    await settled(watch.ready());
    const seen: string[] = [];
    for (let round = 1; round <= 3; round += 1) {
      for (const node of cluster.nodes) {
        node.crash("process");
        await settled(client.put(`k${round}`, `${round}.${node.id}`));
        while (seen.length < 3 * (round - 1) + node.id) {
          seen.push(...text((await settled(watch.next())).value!));
        }
        node.start();
        await during(() => cluster.leader?.driver?.status().leaderReady === true);
      }
    }
    expect(seen.map((line) => Number(line.split(" ")[0]))).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9]);
  });

  it("tells who watches what is compacted, and of progress (W6, W9)", async () => {
    for (let i = 0; i < 5; i += 1) await settled(client.put("k", String(i)));
    await settled(client.compact(4));
    await cluster.world.run(cluster.world.nowMs + 200);
    const late = client.watch("k", { fromRevision: 2 });
    await expect(settled(late.next())).rejects.toMatchObject({ code: "COMPACTED" });
    const other = client.watch("other");
    await settled(other.ready());
    await settled(client.put("k", "6"));
    await during(() => other.revision === 6);
  });

  it("holds back what a client does not read, and brings all of it later", async () => {
    const watch = client.watch({ prefix: "" });
    await settled(watch.ready());
    const writes = Array.from({ length: 1_500 }, (_, i) => client.put(`k${i}`, `v${i}`));
    await settled(Promise.all(writes));
    await cluster.world.run(cluster.world.nowMs + 5_000);
    const seen: number[] = [];
    while (seen.length < writes.length) {
      const { value } = await settled(watch.next());
      seen.push(...value!.events.map(({ revision }) => revision));
    }
    expect(seen).toEqual(writes.map((_, i) => i + 1));
  });

  it("is released at the node when its client ends it, or its connection breaks", async () => {
    const open = () => cluster.nodes.map(({ kv }) => kv!.watchMetrics().watches);
    const first = client.watch("a");
    const second = client.watch("b");
    await settled(Promise.all([first.ready(), second.ready()]));
    await settled(first.return!());
    await during(() => open().reduce((a, b) => a + b) === 1);
    cluster.network.faults.lossRate = 1;
    await settled(client.put("b", "1").catch(() => undefined));
    await during(() => open().reduce((a, b) => a + b) === 0);
  });
});

describe("a query through the simulated network", () => {
  it("answers ranges, also of the past, and leases", async () => {
    await settled(client.put("k", "1"));
    const lease = await settled(client.grantLease(5_000));
    await settled(client.put("k", "2", { lease: lease.id }));
    const past = await settled(client.range("k", { revision: 1 }));
    expect(past.entries.map(({ value }) => String.fromCharCode(...value))).toEqual(["1"]);
    expect(await settled(client.leaseTimeToLive(lease.id, { keys: true }))).toMatchObject({
      ttlMs: 5_000,
      keys: [Uint8Array.of(0x6b)],
    });
  });
});
