import { appendStamp, encodeKvQuery, type KvQuery, Slab } from "@d-engine/codec";
import { EngineError } from "@d-engine/core";
import { KvStateMachine } from "@d-engine/kv";
import { describe, expect, it } from "vitest";
import type { FeatureGate } from "./feature-gate.js";
import { KvNode } from "./kv-node.js";
import { put, text, utf8 } from "./testing/commands.js";
import { grant, keepAlive, kv, putBound, putFor } from "./testing/kv-commands.js";
import { follow, resolved, settled, told } from "./testing/outcome.js";
import {
  type RunningKvNode,
  startCluster,
  startKvNode,
  startLeader,
} from "./testing/start-kv-node.js";

const slab = new Slab();

/** How a call of this moment ends. */
async function outcomeOf({ clock }: RunningKvNode, call: Promise<unknown>) {
  const standing = follow(call);
  await clock.advanceUntil(() => standing().kind !== "pending");
  return standing();
}

/** The commands in the log that carry a stamp, and which. */
function stampsIn({ storage, node }: RunningKvNode): number[] {
  const { time } = node.driver;
  expect(time.follows).toBe(true);
  return storage.durable.flatMap(({ payload }) => {
    if (payload.kind !== "command") return [];
    const { length } = payload.command;
    const tail = payload.command.subarray(length - 10);
    if (tail[0] !== 0xa1 || tail[1] !== 0x06) return [];
    return [Number(new DataView(tail.slice().buffer).getBigUint64(2, true))];
  });
}

describe("KvNode.write, commands that live by the time of the cluster (R15)", () => {
  it.each([
    { name: "a put with a time to live", command: putFor("k", "v", 5_000) },
    { name: "a grant", command: grant(1, 5_000) },
    {
      name: "a transaction with such a put inside",
      command: kv({
        kind: "txn",
        compares: [],
        success: [
          {
            kind: "txn",
            compares: [],
            success: [
              { kind: "leasePut", key: utf8("k"), value: utf8("v"), lease: 0, ttlMs: 5_000 },
            ],
            failure: [],
          },
        ],
        failure: [],
      }),
    },
  ])("stamps $name, in bytes of its own", async ({ command }) => {
    const leader = await startLeader();
    const before = command.slice();
    const fromMs = leader.node.driver.time.nowMs();
    expect(told(await outcomeOf(leader, leader.node.write(command)))).toBe("resolved");
    expect(command).toEqual(before);
    const [stamp] = stampsIn(leader);
    expect(stamp).toBeGreaterThanOrEqual(fromMs);
    expect(stamp).toBeLessThanOrEqual(leader.node.driver.time.nowMs());
    expect(leader.store.lastStampMs).toBe(stamp);
  });

  it("leaves every other command as it is", async () => {
    const leader = await startLeader();
    const plain = [
      put("k", "v"),
      kv({ kind: "leasePut", key: utf8("k"), value: utf8("v"), lease: 0, ttlMs: 0 }),
      kv({ kind: "deleteRange", key: utf8("k"), rangeEnd: undefined }),
    ];
    for (const command of plain) await resolved(leader.clock, leader.node.write(command));
    expect(stampsIn(leader)).toEqual([]);
    expect(leader.storage.durable.at(-1)?.payload).toMatchObject({ command: plain[2] });
  });

  it("takes no value for a stamp that looks like one", async () => {
    const leader = await startLeader();
    const looks = Uint8Array.of(0xa1, 0x06, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x0f, 0);
    const command = put("k", "");
    const disguised = new Uint8Array([0x0a, 15, 0x0a, 1, 0x6b, 0x12, 10, ...looks]);
    expect(command.length).toBeGreaterThan(0);
    await resolved(leader.clock, leader.node.write(disguised));
    expect(leader.store.get(utf8("k"))).toEqual(looks);
    expect(leader.node.driver.time.newestStampMs).toBe(0);
  });

  it("refuses them for the moment while its noop is not applied, in words to retry by", async () => {
    const running = await startKvNode();
    running.storage.automatic = false;
    await running.clock.advanceUntil(() => {
      if (running.node.status().role !== "leader") running.storage.sync(1);
      return running.node.status().role === "leader";
    });
    expect(running.node.status().leaderReady).toBe(false);
    expect(told(await settled(running.node.write(grant(1, 5_000))))).toBe(
      "LEADER_CHANGED rejected",
    );
    running.storage.automatic = true;
    running.storage.sync();
    await running.clock.advanceUntil(() => running.node.status().leaderReady);
    expect(told(await outcomeOf(running, running.node.write(grant(1, 5_000))))).toBe("resolved");
  });

  it("refuses them on a follower at once, so that none is proposed without a stamp", async () => {
    const cluster = await startCluster();
    const follower = cluster.nodes.find(({ node }) => !node.status().leaderReady) as RunningKvNode;
    const refused = settled(follower.node.write(putFor("k", "v", 1_000)));
    expect(await refused).toMatchObject({ kind: "rejected", code: "NOT_LEADER" });
    const error = await follower.node.write(grant(1, 1_000)).catch((thrown: unknown) => thrown);
    const { nodeId } = cluster.leader()?.node.status() ?? {};
    expect(error).toMatchObject({ leader: { leaderId: nodeId } });
  });

  it("gives stamps that never fall, over a change of leaders", async () => {
    const cluster = await startCluster();
    const { clock, network } = cluster;
    const first = cluster.leader() as RunningKvNode;
    await clock.advance(3_000);
    await resolved(clock, first.node.write(grant(1, 60_000)));
    await clock.advance(2_000);
    network.cut(first.node.status().nodeId);
    const next = () =>
      cluster.nodes.find((each) => each !== first && each.node.status().leaderReady);
    await clock.advanceUntil(() => next() !== undefined);
    const second = next() as RunningKvNode;
    await resolved(clock, second.node.write(keepAlive(1)));
    const stamps = stampsIn(second);
    expect(stamps.length).toBeGreaterThan(3);
    expect(stamps).toEqual([...stamps].sort((a, b) => a - b));
    // Nothing like the time since its start is lost, nor anything like it gained.
    const spent = (stamps.at(-1) ?? 0) - (stamps[0] ?? 0);
    expect(spent).toBeGreaterThan(2_000);
  });
});

describe("KvNode.write, what only a leader proposes (R14)", () => {
  it.each([
    { name: "an expiry", command: kv({ kind: "expire", leases: [{ id: 1, deadlineMs: 1 }] }) },
    { name: "a time entry", command: kv({ kind: "time" }) },
    { name: "a stamped put", command: appendStamp(slab, put("k", "v"), 9_000_000) },
    {
      name: "a stamped put with a time to live",
      command: appendStamp(slab, putFor("k", "v", 1), 9),
    },
    { name: "a stamped grant", command: appendStamp(slab, grant(1, 1_000), 9_000_000) },
    {
      name: "a stamp before the operation",
      command: new Uint8Array([...appendStamp(slab, new Uint8Array(0), 9), ...put("k", "v")]),
    },
  ])("refuses $name from a client", async ({ command }) => {
    const leader = await startLeader();
    const refused = await settled(leader.node.write(command));
    expect(told(refused)).toBe("INVALID_REQUEST rejected");
    await leader.clock.advance(100);
    expect(leader.store.lastStampMs).toBe(0);
    expect(leader.node.driver.time.newestStampMs).toBe(0);
  });
});

describe("KvNode.write, the feature gate (R14)", () => {
  const closed: FeatureGate = {
    refusal: (level) => new EngineError("VERSION_MISMATCH", `node 2 does not know level ${level}`),
  };

  it("lets only the contract's plain writes pass while a member is behind", async () => {
    const leader = await startLeader();
    const node = new KvNode(leader.node.driver, leader.store, closed);
    for (const command of [
      putFor("k", "v", 1_000),
      grant(1, 1_000),
      kv({ kind: "compact", revision: 1 }),
      kv({ kind: "deleteRange", key: utf8("k"), rangeEnd: undefined }),
    ]) {
      expect(told(await settled(node.write(command)))).toBe("VERSION_MISMATCH rejected");
    }
    expect(told(await outcomeOf(leader, node.write(put("k", "v"))))).toBe("resolved");
  });
});

describe("KvNode.write, refusals at apply", () => {
  it("become errors for all callers, with their codes", async () => {
    const leader = await startLeader();
    const { node, clock } = leader;
    expect(told(await outcomeOf(leader, node.write(putBound("k", 9))))).toBe(
      "LEASE_NOT_FOUND rejected",
    );
    await resolved(clock, node.write(grant(9, 5_000)));
    const again = node.writeWith(grant(9, 5_000), () => "unseen");
    expect(told(await outcomeOf(leader, again))).toBe("LEASE_EXISTS rejected");
    const granted = await resolved(clock, node.write(grant(0, 5_000)));
    expect(granted.detail).toMatchObject({ kind: "lease", ttlMs: 5_000 });
  });
});

describe("KvNode.query", () => {
  const range = (revision: number): KvQuery => ({
    kind: "range",
    key: utf8("k"),
    rangeEnd: undefined,
    limit: 0,
    revision,
    keysOnly: false,
    countOnly: false,
    descending: false,
  });

  it("answers from the past, encoded or not, at every level", async () => {
    const leader = await startLeader();
    const { node, clock } = leader;
    await resolved(clock, node.write(put("k", "1")));
    await resolved(clock, node.write(put("k", "2")));
    for (const consistency of ["linearizable", "lease", "eventual"] as const) {
      const past = await resolved(clock, node.query(encodeKvQuery(range(1)), { consistency }));
      expect(past.kind === "range" && text(past.entries[0]?.value)).toBe("1");
      const present = await resolved(clock, node.query(range(0), { consistency }));
      expect(present.kind === "range" && text(present.entries[0]?.value)).toBe("2");
    }
  });

  it("refuses what cannot be decoded, is compacted, or is still to come", async () => {
    const leader = await startLeader();
    const { node, clock } = leader;
    for (const value of ["1", "2", "3"]) await resolved(clock, node.write(put("k", value)));
    await resolved(clock, node.write(kv({ kind: "compact", revision: 2 })));
    expect(told(await settled(node.query(Uint8Array.of(0xff))))).toBe("INVALID_REQUEST rejected");
    expect(told(await outcomeOf(leader, node.query(range(1))))).toBe("COMPACTED rejected");
    expect(told(await outcomeOf(leader, node.query(range(9))))).toBe("INVALID_REQUEST rejected");
  });

  it("tells what is left of a lease by the time of the cluster, on followers too", async () => {
    const cluster = await startCluster();
    const { clock } = cluster;
    await resolved(clock, (cluster.leader() as RunningKvNode).node.write(grant(7, 10_000)));
    await clock.advance(3_000);
    for (const { node } of cluster.nodes) {
      const query = { kind: "leaseTimeToLive", id: 7, keys: true } as const;
      const status = await resolved(clock, node.query(query, { consistency: "eventual" }));
      expect(status).toMatchObject({ kind: "lease", id: 7, ttlMs: 10_000, keys: [] });
      const remainingMs = status.kind === "lease" ? status.remainingMs : 0;
      expect(remainingMs).toBeGreaterThan(6_950);
      expect(remainingMs).toBeLessThan(7_050);
    }
  });
});

describe("KvNode, automatic compaction (R16)", () => {
  it("gives up history as old as the retention, by a command that all nodes apply", async () => {
    const cluster = await startCluster({ historyRetentionMs: 2_000 });
    const { clock, nodes } = cluster;
    for (const value of ["1", "2", "3"]) {
      const leader = cluster.leader() as RunningKvNode;
      await resolved(clock, leader.node.write(put("k", value)));
      await clock.advance(500);
    }
    expect(nodes.map(({ store }) => store.oldestRevision)).toEqual([0, 0, 0]);
    await clock.advance(4_000);
    expect(nodes.map(({ store }) => store.oldestRevision)).toEqual([3, 3, 3]);
  });

  it("gives up what exceeds the bounds of the store", async () => {
    const store = new KvStateMachine({ historyEventsMax: 100 });
    const { node, clock } = await startLeader({ store });
    for (let at = 0; at < 300; at += 1) node.write(put("k", `${at}`)).catch(() => undefined);
    await clock.advance(500);
    expect(store.revision).toBe(300);
    expect(store.oldestRevision).toBeGreaterThan(200);
    expect(node.driver.metrics().compactions).toBe(1);
  });
});
