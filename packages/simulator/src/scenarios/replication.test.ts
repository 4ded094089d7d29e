import type { AppendEntries } from "@d-engine/core";
import { describe, expect, it } from "vitest";
import type { SimulatedNode } from "../cluster/simulated-node.js";
import type { Parcel } from "../network/network.js";
import { type ParcelFilter, parcelsOf } from "../testing/message-gate.js";
import { quietPlan, Script } from "../testing/script.js";

const range = (term: number, count: number) => Array.from({ length: count }, () => term);

/** Requests with an entry of which `which` is true. */
function appends(
  ends: Parameters<typeof parcelsOf>[1],
  which: (entry: AppendEntries["entries"][number]) => boolean = () => true,
): ParcelFilter {
  const matches = parcelsOf("appendEntries", ends);
  return (parcel) => matches(parcel) && (parcel.message as AppendEntries).entries.some(which);
}

const termAt = (node: SimulatedNode, index: number) => node.mirror.written.termAt(index);

describe("replication under faults", () => {
  it("scenario 1: an entry of an earlier term is not committed by counting (figure 8)", async () => {
    const raft = { ...quietPlan.raft, appendEntriesMax: 1 };
    const script = await Script.startCalm({ voters: 5, raft });
    const s1 = await script.leader();
    const [s2, s3, s4, s5] = script.others(s1);
    const settled = () => script.cluster.nodes.every((node) => script.status(node).last.index > 0);
    await script.until("the first entry everywhere", settled);
    // (a) The entry is on S1 and S2.
    script.separate([s1, s2!], [s3!, s4!, s5!]);
    const { last, term } = script.status(s1);
    const index = last.index + 1;
    script.put(s1, "x", "of an earlier term", 60_000);
    await script.until("the entry on S2", () => s2!.mirror.durable.termAt(index) === term);
    // (b) S5 is elected by S3 and S4; its own entry reaches nobody.
    s1.crash("process");
    script.letCampaign(s5!);
    script.gate.drop(appends({ from: s5! }));
    const leadsOn = (node: SimulatedNode) => () => node.kv?.driver.status().role === "leader";
    await script.until("S5 leads", leadsOn(s5!));
    await script.until("its entry", () => s5!.mirror.durable.lastIndex === index);
    s5!.crash("process");
    await script.advance(50);
    // (c) S1 is elected again, and spreads the entry to a majority, but none of its new term.
    script.cluster.network.heal();
    s1.start();
    script.gate.clear();
    script.letCampaign(s1);
    script.gate.drop(appends({ from: s1 }, (entry) => entry.term > term));
    await script.until("S1 leads", leadsOn(s1));
    const holders = () => [s1, s2!, s3!, s4!].filter((node) => termAt(node, index) === term);
    await script.until("the entry on a majority", () => holders().length === 4);
    await script.advance(5 * script.electionTimeoutMs);
    expect(script.status(s1)).toMatchObject({ role: "leader", commitIndex: index - 1 });
    // (d) S5 comes back and replaces the entry, which nobody was told of.
    s1.crash("process");
    s5!.start();
    script.gate.clear();
    script.letCampaign(s5!);
    await script.leader([s5!]);
    expect(termAt(s5!, index)).toBeGreaterThan(term);
    await script.end();
  });

  it("scenario 2: the six logs of figure 7 become the leader's, one probe a term", async () => {
    const leaderLog = [1, 1, 1, 4, 4, 5, 5, 6, 6, 6];
    const followers = [
      leaderLog.slice(0, 9),
      leaderLog.slice(0, 4),
      [...leaderLog, 6],
      [...leaderLog, 7, 7],
      [...range(1, 3), ...range(4, 4)],
      [...range(1, 3), ...range(2, 3), ...range(3, 5)],
    ];
    const script = await Script.withLogs([leaderLog, ...followers], 7);
    const leader = script.node(1);
    script.letCampaign(leader);
    const conflicts = new Map<number, number>();
    const conflict = (parcel: Parcel) =>
      parcel.message.kind === "appendEntriesResponse" && parcel.message.result.kind === "conflict";
    const refused = script.gate.collect(conflict, { letPass: true });
    for (const node of script.cluster.nodes) node.start();
    await script.leader([leader]);
    const { last } = script.status(leader);
    const same = () =>
      script.others(leader).every((node) => node.kv?.store.lastApplied === last.index);
    await script.until("equal logs", same);
    for (const node of script.others(leader)) {
      for (let index = 1; index <= last.index; index += 1) {
        expect(termAt(node, index)).toBe(termAt(leader, index));
      }
    }
    for (const { from } of refused.parcels) conflicts.set(from, (conflicts.get(from) ?? 0) + 1);
    expect(Math.max(...conflicts.values())).toBeLessThanOrEqual(3);
    await script.end();
  });

  it("scenario 16: an older, shorter request that arrives late takes nothing away", async () => {
    const script = await Script.startCalm();
    const leader = await script.leader();
    const [follower] = script.others(leader);
    const early = script.gate.collect(appends({ to: follower! }), { letPass: true });
    const first = script.put(leader, "x", "1");
    await script.until("the first write", () => first.status === "ok");
    early.stop();
    // Not committed, or the follower's own check would notice: nobody else hears the leader.
    for (const node of script.others(leader, follower!)) script.separate([leader], [node]);
    script.gate.drop(parcelsOf("appendEntriesResponse", { from: follower! }));
    for (const value of ["2", "3", "4"]) script.put(leader, "x", value, 60_000);
    const { last } = script.status(leader);
    await script.until("the entries", () => follower!.mirror.durable.lastIndex > last.index);
    const length = follower!.mirror.written.lastIndex;
    for (const parcel of early.parcels) script.cluster.network.deliver(parcel);
    await script.advance(20);
    expect(follower!.mirror.written.lastIndex).toBe(length);
    expect(script.status(follower!).last.index).toBe(length);
    await script.end();
  });

  it("scenario 17: an old refusal behind a newer acceptance moves nothing back", async () => {
    const script = await Script.startCalm();
    const leader = await script.leader();
    const [follower] = script.others(leader);
    const refusal = (parcel: Parcel) =>
      parcel.from === follower!.id &&
      parcel.message.kind === "appendEntriesResponse" &&
      parcel.message.result.kind === "conflict";
    const refused = script.gate.collect(refusal, { letPass: true });
    script.cluster.network.cut(leader.id, follower!.id);
    for (const value of ["1", "2", "3"]) {
      const write = script.put(leader, "x", value);
      await script.until("the write", () => write.status === "ok");
    }
    script.cluster.network.mend(leader.id, follower!.id);
    const peer = () => script.status(leader).peers.find(({ id }) => id === follower!.id)!;
    const caughtUp = () => peer().matchIndex === script.status(leader).last.index;
    await script.until("catching up", caughtUp);
    expect(refused.parcels.length).toBeGreaterThan(0);
    const before = peer();
    for (const parcel of refused.parcels) script.cluster.network.deliver(parcel);
    expect(peer()).toMatchObject({ state: "replicate", matchIndex: before.matchIndex });
    expect(peer().nextIndex).toBe(before.nextIndex);
    await script.end();
  });

  it("scenario 18: a write that ends late does not vouch for what replaced its entries", async () => {
    const script = await Script.startCalm({ voters: 5 });
    const old = await script.leader();
    const [slow, ...rest] = script.others(old);
    script.separate([old, slow!], rest);
    slow!.disk.slowness = 40_000;
    for (const value of ["1", "2", "3"]) script.put(old, "x", value, 60_000);
    const { last } = script.status(old);
    await script.until("the entries", () => slow!.mirror.written.lastIndex === last.index + 3);
    old.crash("process");
    script.cluster.network.heal();
    // Its first message, with the entry of its term, follows right upon what both hold.
    script.letCampaign(rest[0]!);
    const next = await script.leader(rest);
    const { term } = script.status(next);
    const index = last.index + 1;
    await script.until("the overwriting", () => termAt(slow!, index) === term);
    expect(slow!.mirror.durable.lastIndex).toBe(last.index);
    // The write that is under way goes on as slowly.
    slow!.disk.slowness = 1;
    const landed = () => slow!.mirror.durable.lastIndex > last.index;
    await script.until("the first write's end", landed, 200_000);
    expect(slow!.mirror.durable.termAt(index)).not.toBe(term);
    expect(script.status(slow!).durableIndex).toBeLessThan(index);
    await script.advance(3 * script.electionTimeoutMs);
    await script.end();
  });
});
