import type { SessionMark, WriteCommand } from "@d-engine/codec";
import { EngineError } from "@d-engine/core";
import { beforeEach, describe, expect, it } from "vitest";
import { follow, resolved, told } from "../../server/src/driver/testing/outcome.js";
import {
  type Cluster,
  type RunningKvNode,
  startCluster,
} from "../../server/src/driver/testing/start-kv-node.js";
import { EmbeddedClient } from "../../server/src/embedded-client.js";
import { ForwardingClient } from "../../server/src/forwarding-client.js";
import { type ClientSession, connectLazilyOver, type RemoteClient } from "../src/index.js";
import { type Fate, NodeTransport } from "./node-transport.js";

/** Three nodes as they ship, but for clock, disk and network; sessions of a connected client. */

const addresses = ["a:1", "b:2", "c:3"];

let cluster: Cluster;
let network: NodeTransport;
let client: RemoteClient;
let session: ClientSession;

beforeEach(async () => {
  cluster = await startCluster();
  network = transport();
  client = clientOver(network);
  session = await done(client.openSession({ ttlMs: 10_000 }));
  network.sent.length = 0;
});

function transport(): NodeTransport {
  const nodes = cluster.nodes.map((node, at) => [addresses[at] ?? "", node] as const);
  return new NodeTransport(cluster.clock, new Map(nodes));
}

function clientOver(over: NodeTransport): RemoteClient {
  const ports = { transport: over, clock: cluster.clock, random: { next: () => 0 } };
  return connectLazilyOver(ports, addresses, { timeoutMs: 2_000 });
}

const done = <T>(promise: Promise<T>): Promise<T> => resolved(cluster.clock, promise);
const leader = (): RunningKvNode => cluster.leader() ?? cluster.nodes[0]!;
const storedAt = (key: string): string | undefined => {
  const value = leader().store.get(Buffer.from(key));
  return value && Buffer.from(value).toString();
};
const markOf = (sent: WriteCommand): SessionMark | undefined => sent.mark;
const marks = () => network.sent.map(markOf);
const sequenceOf = (sent: WriteCommand): number => markOf(sent)?.sequence ?? 0;
/** The first `count` writes of the session meet this, later ones are served. */
const first = (count: number, fate: Fate): void => {
  let left = count;
  network.fateOf = (sent) => {
    if (markOf(sent) === undefined || left === 0) return "served";
    left -= 1;
    return fate;
  };
};

describe("a write whose answer is lost (scenario 62)", () => {
  it("is of unknown outcome without a session", async () => {
    network.fateOf = () => "answer lost";
    await expect(done(client.compareAndSwap("k", undefined, "1"))).rejects.toMatchObject({
      code: "OUTCOME_UNKNOWN",
    });
    expect(network.sent).toHaveLength(1);
  });

  it.each([1, 5])("is applied once, and tells what it did, after %i lost answers", async (lost) => {
    first(lost, "answer lost");
    expect(await done(session.compareAndSwap("k", undefined, "1"))).toBe(true);
    expect(network.sent.length).toBeGreaterThan(lost);
    expect(new Set(network.sent.map(sequenceOf))).toEqual(new Set([1]));
    expect(leader().store.revision).toBe(1);
    expect(storedAt("k")).toBe("1");
  });

  it("tells the first result also when others have changed the key since", async () => {
    await done(client.put("k", "old"));
    first(1, "answer lost");
    const swapped = session.compareAndSwap("k", "old", "mine");
    await cluster.clock.advanceUntil(() => storedAt("k") === "mine");
    await done(new EmbeddedClient(leader().node).put("k", "theirs"));
    expect(await done(swapped)).toBe(true);
    expect(storedAt("k")).toBe("theirs");
  });

  it.each<{ name: string; write: () => Promise<unknown>; answer: unknown; revisions: number }>([
    { name: "put", write: () => session.put("k", "2"), answer: { revision: 2 }, revisions: 1 },
    {
      name: "put with a time to live",
      write: () => session.put("k", "2", { ttlMs: 5_000 }),
      answer: { revision: 2 },
      revisions: 1,
    },
    { name: "delete", write: () => session.delete("k"), answer: true, revisions: 1 },
    { name: "deleteRange", write: () => session.deleteRange("k"), answer: 1, revisions: 1 },
    {
      name: "a failed swap",
      write: () => session.compareAndSwap("k", "no", "2"),
      answer: false,
      revisions: 0,
    },
    {
      name: "txn",
      write: () =>
        session
          .txn()
          .if({ key: "k", value: "1" })
          .then({ kind: "put", key: "k", value: "2" })
          .commit(),
      answer: { succeeded: true, results: [{ kind: "put" }], revision: 2 },
      revisions: 1,
    },
  ])("is applied once: $name", async ({ write, answer, revisions }) => {
    await done(client.put("k", "1"));
    first(2, "answer lost");
    expect(await done(write())).toEqual(answer);
    expect(leader().store.revision).toBe(1 + revisions);
  });

  it("grants one lease", async () => {
    first(2, "answer lost");
    const lease = await done(session.grantLease(60_000));
    expect(leader().store.leaseCount).toBe(2);
    await done(lease.revoke());
    expect(leader().store.leaseCount).toBe(1);
  });

  it("tells a refusal of the store again, for certain", async () => {
    first(1, "answer lost");
    await expect(done(session.put("k", "v", { lease: 99 }))).rejects.toMatchObject({
      code: "LEASE_NOT_FOUND",
      outcome: "rejected",
    });
    expect(network.sent.length).toBeGreaterThan(1);
  });

  it("is found at the next leader", async () => {
    const old = leader();
    const oldId = old.node.status().nodeId;
    const swapped = session.compareAndSwap("k", undefined, "1");
    network.fateOf = () => "answer lost";
    await cluster.clock.advanceUntil(() => storedAt("k") === "1");
    // The others know of it; who has answered is gone.
    await cluster.clock.advanceUntil(() =>
      cluster.nodes.every(({ store }) => store.revision === 1),
    );
    cluster.network.cut(oldId);
    network.fateOf = () => "served";
    expect(await done(swapped)).toBe(true);
    const others = cluster.nodes.filter((node) => node !== old);
    expect(others.some(({ node }) => node.status().role === "leader")).toBe(true);
    expect(others.map(({ store }) => store.revision)).toEqual([1, 1]);
  });
});

describe("writes that are under way together", () => {
  it("may be applied in any order, and each tells its own result", async () => {
    let held = false;
    network.fateOf = (sent) => {
      if (sequenceOf(sent) !== 1 || held) return "served";
      held = true;
      return "held";
    };
    const one = session.compareAndSwap("k", undefined, "one");
    const two = done(session.compareAndSwap("k", undefined, "two"));
    expect(await two).toBe(true);
    network.release();
    expect(await done(one)).toBe(false);
    expect(storedAt("k")).toBe("two");
  });

  it("tell how far the results are there, also behind one that is missing", async () => {
    await done(session.put("a", "1"));
    await done(session.put("b", "1"));
    network.fateOf = (sent) => (sequenceOf(sent) === 3 ? "held" : "served");
    const missing = session.put("c", "1");
    await done(session.put("d", "1"));
    await done(session.put("e", "1"));
    expect(marks().map((mark) => [mark?.sequence, mark?.acknowledged])).toEqual([
      [1, 0],
      [2, 1],
      [3, 2],
      [4, 2],
      [5, 2],
    ]);
    network.release();
    await done(missing);
    await done(session.put("f", "1"));
    expect(marks().at(-1)).toMatchObject({ sequence: 6, acknowledged: 5 });
  });

  it("are 1,024 at most: more wait, in their order, or are refused in time", async () => {
    let holding = true;
    network.fateOf = () => (holding ? "held" : "served");
    const writes: Promise<unknown>[] = [];
    for (let at = 0; at < 1_030; at += 1) writes.push(session.put(`k${at}`, "v"));
    const late = follow(session.put("late", "v", { timeoutMs: 500 }));
    const given = new AbortController();
    const aborted = follow(session.put("aborted", "v", { signal: given.signal }));
    await cluster.clock.advance(100);
    expect(network.held).toBe(1_024);
    given.abort(new Error("enough"));
    await cluster.clock.advance(450);
    expect([told(late()), aborted().kind]).toEqual(["RATE_LIMITED rejected", "threw"]);
    holding = false;
    network.release();
    await done(Promise.all(writes));
    expect(leader().store.revision).toBe(1_030);
    expect(Math.max(...network.sent.map(sequenceOf))).toBe(1_030);
  });

  it("are refused at once when 10,000 wait already", async () => {
    network.fateOf = () => "held";
    const bounds = { timeoutMs: 300 };
    const standing = Array.from({ length: 1_024 + 10_000 }, (_, at) =>
      follow(session.put(`k${at}`, "v", bounds)),
    );
    await expect(session.put("k", "v", bounds)).rejects.toMatchObject({ code: "RATE_LIMITED" });
    await cluster.clock.advance(400);
    const counts = new Map<string, number>();
    for (const one of standing) counts.set(told(one()), (counts.get(told(one())) ?? 0) + 1);
    expect(counts.get("OUTCOME_UNKNOWN unknown")).toBe(1_024);
    expect(counts.get("RATE_LIMITED rejected")).toBe(10_000);
  });

  it("never fill the session when they come one after the other", async () => {
    for (let at = 0; at < 1_500; at += 1) await done(session.put("k", String(at)));
    expect(storedAt("k")).toBe("1499");
  });
});

describe("a write that is given up", () => {
  it("is of unknown outcome, and takes no effect behind the next write", async () => {
    network.fateOf = (sent) => (sequenceOf(sent) === 1 ? "held" : "served");
    const given = done(session.compareAndSwap("k", undefined, "late", { timeoutMs: 4_000 }));
    await expect(given).rejects.toMatchObject({ code: "OUTCOME_UNKNOWN", outcome: "unknown" });
    expect(network.held).toBeGreaterThan(1);
    await done(session.settle());
    expect(storedAt("k")).toBeUndefined();
    network.release();
    await cluster.clock.advance(1_000);
    expect(storedAt("k")).toBeUndefined();
    expect(await done(session.compareAndSwap("k", undefined, "mine"))).toBe(true);
  });

  it("rejects with its signal's reason when it is aborted, and does not hold up the others", async () => {
    network.fateOf = (sent) => (sequenceOf(sent) === 1 ? "held" : "served");
    const aborting = new AbortController();
    const given = session.put("k", "late", { signal: aborting.signal });
    await cluster.clock.advance(10);
    aborting.abort(new Error("enough"));
    await expect(done(given)).rejects.toThrow("enough");
    await done(session.put("k", "mine"));
    expect(marks().at(-1)).toMatchObject({ sequence: 2, acknowledged: 1 });
    network.release();
    await cluster.clock.advance(1_000);
    expect(storedAt("k")).toBe("mine");
  });

  it("is rejected, when no attempt can have had an effect", async () => {
    await expect(done(session.put("", "v"))).rejects.toMatchObject({
      code: "INVALID_REQUEST",
      outcome: "rejected",
    });
    for (const { node } of cluster.nodes) cluster.network.cut(node.status().nodeId);
    await cluster.clock.advance(10_000);
    const refused = done(session.put("k", "v", { timeoutMs: 3_000 }));
    await expect(refused).rejects.toMatchObject({ outcome: "rejected" });
  });

  it("stays unknown, whatever a later attempt was refused with (C2)", async () => {
    let sent = 0;
    network.fateOf = () => {
      sent += 1;
      if (sent === 1)
        for (const { node } of cluster.nodes) cluster.network.cut(node.status().nodeId);
      return sent === 1 ? "never arrives" : "served";
    };
    const put = done(session.put("k", "v", { timeoutMs: 15_000 }));
    await expect(put).rejects.toMatchObject({ code: "OUTCOME_UNKNOWN", outcome: "unknown" });
    expect(sent).toBeGreaterThan(2);
  });
});

describe("a session", () => {
  it("lives while nothing is written, and ends when it is closed", async () => {
    await cluster.clock.advance(60_000);
    expect(await done(session.compareAndSwap("k", undefined, "1"))).toBe(true);
    await done(client.put("bound", "v", { lease: session.id }));
    const under = session.put("k", "2");
    const closed = session.close();
    await expect(session.put("k", "3")).rejects.toMatchObject({ code: "CLOSED" });
    await done(closed);
    await under;
    expect([storedAt("k"), storedAt("bound"), leader().store.leaseCount]).toEqual([
      "2",
      undefined,
      0,
    ]);
    await session.close();
    expect(session.expired.aborted).toBe(false);
  });

  it("that is over refuses a write for certain, unless an answer was lost before", async () => {
    first(1, "answer lost");
    const swapped = session.compareAndSwap("k", undefined, "1");
    const other = new EmbeddedClient(leader().node);
    await cluster.clock.advanceUntil(() => storedAt("k") === "1");
    await done(other.execute({ kind: "leaseRevoke", id: session.id }));
    await expect(done(swapped)).rejects.toMatchObject({
      code: "SESSION_EXPIRED",
      outcome: "unknown",
    });
    expect(session.expired.reason).toMatchObject({ code: "SESSION_EXPIRED" });
    await expect(session.put("k", "2")).rejects.toMatchObject({
      code: "SESSION_EXPIRED",
      outcome: "rejected",
    });
    expect(storedAt("k")).toBe("1");
    const second = await done(client.openSession());
    await done(other.execute({ kind: "leaseRevoke", id: second.id }));
    await expect(done(second.put("k", "2"))).rejects.toMatchObject({
      code: "SESSION_EXPIRED",
      outcome: "rejected",
    });
  });

  it("is told to be over while nothing is written, too", async () => {
    const other = new EmbeddedClient(leader().node);
    await done(other.execute({ kind: "leaseRevoke", id: session.id }));
    await cluster.clock.advance(4_000);
    expect(session.expired.aborted).toBe(true);
  });

  it("is asked again when there is a leader again", async () => {
    first(1, "answer lost");
    const put = session.put("k", "1", { timeoutMs: 60_000 });
    for (const { node } of cluster.nodes) cluster.network.cut(node.status().nodeId);
    await cluster.clock.advance(5_000);
    for (const { node } of cluster.nodes) cluster.network.heal(node.status().nodeId);
    expect(await done(put)).toEqual({ revision: 1 });
  });

  it("is kept no longer by a client that was closed", async () => {
    const put = follow(session.put("k", "1"));
    const closed = client.close();
    await expect(session.put("k", "2")).rejects.toMatchObject({ code: "CLOSED" });
    await done(closed);
    expect(told(put())).toBe("resolved");
    await cluster.clock.advance(20_000);
    expect(leader().store.leaseCount).toBe(0);
  });

  it("is opened again when the answer of its grant is lost", async () => {
    let lost = 0;
    network.fateOf = ({ kind }) => {
      if (kind !== "leaseGrant" || lost > 0) return "served";
      lost += 1;
      return "answer lost";
    };
    const second = await done(client.openSession({ ttlMs: 3_000 }));
    expect(second.ttlMs).toBe(3_000);
    expect(leader().store.leaseCount).toBe(3);
    await cluster.clock.advance(5_000);
    expect(leader().store.leaseCount).toBe(2);
  });

  it.each([0, -1, 1.5, Number.NaN])("needs a time to live, which %s is not", async (ttlMs) => {
    await expect(client.openSession({ ttlMs })).rejects.toMatchObject({ code: "INVALID_REQUEST" });
  });
});

describe("a session of an embedded client", () => {
  it("asks the leader of the day until it is told, wherever its node stands", async () => {
    const old = leader();
    const others = transport();
    const embedded = new ForwardingClient({
      node: old.node,
      local: new EmbeddedClient(old.node),
      clock: cluster.clock,
      timeoutMs: 2_000,
      connectPeers: () => clientOver(others),
    });
    const own = await done(embedded.openSession());
    // Taken into the log, and replicated, but its node never hears of it.
    const { nodeId } = old.node.status();
    let hasReached = false;
    const before = cluster.network.disturb;
    cluster.network.disturb = (message, to) => {
      if (to === nodeId) return hasReached ? [] : before(message, to);
      hasReached ||= "entries" in message && (message.entries as unknown[]).length > 0;
      return before(message, to);
    };
    const swapped = own.compareAndSwap("k", undefined, "1");
    expect(await done(swapped)).toBe(true);
    const elsewhere = cluster.nodes.filter((node) => node !== old);
    expect(elsewhere.map(({ store }) => store.revision)).toEqual([1, 1]);
    expect(others.sent.length).toBeGreaterThan(0);
  });

  it("has every operation, and reads what its client reads", async () => {
    const embedded = new EmbeddedClient(leader().node);
    const own = await done(embedded.openSession());
    await done(own.put("k", "v"));
    expect(await done(own.getString("k"))).toBe("v");
    expect(await done(own.range("k"))).toMatchObject({ count: 1 });
    expect((await done(own.scanPrefix(""))).entries).toHaveLength(1);
    expect(await done(own.getMulti(["k"]))).toHaveLength(1);
    const watch = own.watch("k", { fromRevision: 1 });
    expect((await done(watch.next())).value?.events).toHaveLength(1);
    const second = await done(own.openSession());
    expect(second.id).not.toBe(own.id);
    expect(await own.getLeaderId()).toBe(leader().node.status().nodeId);
    expect(await own.listMembers()).toHaveLength(3);
    await done(embedded.close());
    expect(() => own.expired.throwIfAborted()).not.toThrow(EngineError);
    await expect(own.put("k", "v")).rejects.toMatchObject({ code: "CLOSED" });
  });
});
