import { describe, expect, it } from "vitest";
import { arrangeLeader, DrivenNode, setupOf } from "../test/support/driven-node.js";
import { appendAnswer, appendEntries, at, entries, id, matched } from "../test/support/messages.js";
import type { Term } from "./ids.js";
import { InvariantViolation } from "./invariant.js";
import { RaftNode } from "./raft-node.js";

describe("RaftNode", () => {
  it("gives the same effects for the same setup and inputs", () => {
    const run = () => {
      const node = arrangeLeader({ voters: [1, 2, 3], log: [1, 1], random: 0.3 });
      node.propose("a");
      const sent = node.tick(100);
      return { sent, status: node.status };
    };
    expect(run()).toEqual(run());
  });

  it("judges an input by the newest time that it has seen (R1)", () => {
    const node = new DrivenNode({ voters: [1, 2, 3], term: 1 });
    node.tick(999);
    node.nowMs = 10; // handed in in the wrong order
    node.receive(2, appendEntries({ term: 1, from: 2 }));
    node.nowMs = 1998;
    node.tick();
    expect(node.status.role).toBe("follower");
    node.tick(1);
    expect(node.status.role).toBe("preCandidate");
  });

  it("neither campaigns nor votes before its log reaches its admission (I4, R13)", () => {
    const node = new RaftNode({ ...setupOf({ voters: [1, 2], term: 1 }), joinedAt: at(5) });
    for (const nowMs of [1000, 3000, 9000])
      expect(node.step({ kind: "tick", nowMs }).send).toEqual([]);
    const lastLog = { term: 1 as Term, index: at(4) };
    const asked = { kind: "preVote", term: 2 as Term, lastLog } as const;
    const told = node.step({ kind: "receive", nowMs: 9000, from: id(2), message: asked });
    expect(told.send).toMatchObject([{ message: { kind: "preVoteResponse", granted: false } }]);
    const ask = {
      kind: "requestVote",
      term: 2 as Term,
      lastLog,
      leadershipTransfer: false,
    } as const;
    const { batch } = node.step({ kind: "receive", nowMs: 9000, from: id(2), message: ask });
    const answers = node.step({ kind: "persisted", nowMs: 9000, batch });
    expect(node.status()).toMatchObject({ role: "learner", term: 2, votedFor: undefined });
    expect(answers.send).toEqual([]);
  });

  it("numbers batches by one, and only where there is something to write", () => {
    const leader = arrangeLeader({ voters: [1] });
    const first = leader.propose("a").batch;
    expect(leader.read().batch).toBe(first);
    expect(leader.propose("b").batch).toBe(first + 1);
  });

  it("is used no more after a step has failed", () => {
    const node = new DrivenNode({ voters: [1, 2, 3], log: [1], term: 2, commit: 1 });
    const contradiction = appendEntries({ term: 2, from: 2, prev: [2, 1] });
    expect(() => node.receive(2, contradiction)).toThrow(InvariantViolation);
    expect(() => node.tick()).toThrow("step called from within step");
  });

  it("knows the term of entries that left memory, for whoever waits for them (scenario 23)", () => {
    const leader = arrangeLeader({ voters: [1], options: { logCacheBytes: 0 } });
    leader.propose("a");
    leader.persist();
    leader.step({ kind: "applied", upTo: at(2) });
    expect(leader.status.cachedBytes).toBe(0);
    expect([1, 2, 3].map((index) => leader.node.termAt(at(index)))).toEqual([1, 1, undefined]);
  });

  it.each([
    { name: "at", applied: 5 },
    { name: "ahead of", applied: 7 },
  ])("starts $name its log's base, and applies the rest once", ({ applied }) => {
    const node = new DrivenNode({ base: [2, 5], log: [2, 3, 3], commit: 7, applied });
    expect(node.tick().apply).toEqual(entries(6, [2, 3, 3]).slice(applied - 5, 2));
    expect(node.tick().apply).toEqual([]);
    expect(node.status).toMatchObject({ base: { term: 2, index: 5 }, durableIndex: 8 });
  });

  it("starts behind a snapshot with nothing behind it (scenario 47)", () => {
    const node = new DrivenNode({ base: [2, 5] });
    expect(node.status).toMatchObject({ last: { term: 2, index: 5 }, commitIndex: 5 });
    const added = entries(6, [2]);
    const next = appendEntries({ term: 2, from: 2, prev: [2, 5], entries: added });
    expect(node.receive(2, next).append).toEqual(added);
  });

  it("refuses to start with entries gone that are not applied", () => {
    expect(() => new DrivenNode({ base: [2, 5], log: [2], commit: 5, applied: 4 })).toThrow(
      "the state machine lags behind the log",
    );
  });

  it("begins in the term of its snapshot when the hard state is older, durably first (I11)", () => {
    // A joining node, and one that crashed before its term was on the disk.
    const lone = new DrivenNode({ voters: [1], base: [7, 100], term: 2, votedFor: 3 });
    expect(lone.status).toMatchObject({ term: 7, votedFor: undefined });
    const effects = lone.tick();
    expect(effects.hardState).toMatchObject({ term: 8, votedFor: 1 });
    expect(lone.persist().append).toMatchObject([{ term: 8, index: 101 }]);
    const member = new DrivenNode({ base: [7, 100], term: 2, votedFor: 3 });
    const heard = member.receive(2, appendEntries({ term: 7, from: 2, prev: [7, 100] }));
    expect(heard.hardState).toMatchObject({ term: 7, votedFor: undefined });
    expect(heard.send).toEqual([]);
  });

  it("has one commit index and leader for driver and status alike", () => {
    const leader = arrangeLeader({ voters: [1, 2, 3] });
    leader.receive(2, appendAnswer({ term: 1, result: matched([1, 1]) }));
    const { node, status } = leader;
    expect(node).toMatchObject({
      commitIndex: 1,
      lastIndex: 1,
      term: 1,
      leaderId: 1,
      isLeader: true,
    });
    expect(status).toMatchObject({
      commitIndex: 1,
      leaderId: 1,
      role: "leader",
      leaderReady: false,
    });
    leader.step({ kind: "applied", upTo: at(1) });
    expect(leader.status.leaderReady).toBe(true);
  });

  it.each([
    { name: "applied more than is committed", change: { appliedIndex: at(2), commitIndex: at(1) } },
    { name: "committed more than there is", change: { commitIndex: at(3) } },
    { name: "unapplied entries that are not in memory", change: { tail: entries(2, [1]) } },
  ])("refuses to start with $name (I9)", ({ change }) => {
    const setup = setupOf({ voters: [1, 2, 3], log: [1, 1] });
    expect(() => new RaftNode({ ...setup, ...change })).toThrow(InvariantViolation);
  });
});
