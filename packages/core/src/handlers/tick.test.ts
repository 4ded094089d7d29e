import { describe, expect, it } from "vitest";
import {
  arrangeCandidate,
  arrangeLeader,
  DrivenNode,
  setupOf,
} from "../../test/support/driven-node.js";
import {
  appendAnswer,
  appendEntries,
  at,
  change,
  changeEntry,
  entries,
  matched,
  requestVote,
} from "../../test/support/messages.js";
import { RaftNode } from "../raft-node.js";

describe("onTick", () => {
  it.each([
    { random: 0, deadlineMs: 1000 },
    { random: 0.5, deadlineMs: 1500 },
    { random: 0.999, deadlineMs: 1999 },
  ])("campaigns after a wait drawn from [x, 2x): $random gives $deadlineMs ms (§5.2)", (c) => {
    const node = new DrivenNode({ voters: [1, 2, 3], random: c.random });
    node.tick(c.deadlineMs - 1);
    expect(node.status.role).toBe("follower");
    node.tick(1);
    expect(node.status.role).toBe("preCandidate");
  });

  it("waits anew whenever it hears the leader of its term", () => {
    const node = new DrivenNode({ voters: [1, 2, 3], term: 1 });
    for (let beat = 0; beat < 5; beat++) {
      node.tick(900);
      node.receive(2, appendEntries({ term: 1, from: 2 }));
    }
    expect(node.status.role).toBe("follower");
    node.tick(1000);
    expect(node.status.role).toBe("preCandidate");
  });

  it("does not let others put its own campaign off by raising the term", () => {
    const node = new DrivenNode({ voters: [1, 2, 3], log: [5], term: 5 });
    node.nowMs = 999;
    node.receive(2, requestVote(6, [1, 1], true)); // refused: its log is behind
    node.tick(1);
    expect(node.status).toMatchObject({ role: "preCandidate", term: 6 });
  });

  it("asks for pre-votes again when a campaign found no majority in time", () => {
    const candidate = arrangeCandidate({ voters: [1, 2, 3] });
    expect(candidate.tick(1000).send).toMatchObject([
      { to: 2, message: { kind: "preVote", term: 2 } },
      { to: 3, message: { kind: "preVote", term: 2 } },
    ]);
    expect(candidate.status).toMatchObject({ role: "preCandidate", term: 1 });
  });

  it("never campaigns as a learner", () => {
    const node = new DrivenNode({ id: 4, voters: [1, 2, 3], learners: [4] });
    node.tick(100_000);
    expect(node.status).toMatchObject({ role: "learner", term: 0 });
  });

  it("lets a voter that is alone by an uncommitted entry wait: it may be bound (R3)", () => {
    const removal = changeEntry([1, 1], change.remove(2));
    const setup = setupOf({ voters: [1, 2], log: [1] });
    const uncommitted = new RaftNode({ ...setup, tail: [removal] });
    uncommitted.step({ kind: "tick", nowMs: 999 });
    expect(uncommitted.status()).toMatchObject({ role: "follower", changeOutstanding: true });
    uncommitted.step({ kind: "tick", nowMs: 1000 });
    expect(uncommitted.status().role).toBe("candidate");
    const committed = new RaftNode({ ...setup, tail: [removal], commitIndex: at(1) });
    committed.step({ kind: "tick", nowMs: 0 });
    expect(committed.status().role).toBe("candidate");
  });

  it("lets a lone voter lead without waiting (R3)", () => {
    const node = new DrivenNode({ voters: [1], nowMs: 50 });
    expect(node.tick().hardState).toMatchObject({ term: 1, votedFor: 1 });
  });

  it("sends heartbeats each interval, not each tick", () => {
    const leader = arrangeLeader({ voters: [1, 2, 3] });
    expect(leader.tick(99).send).toEqual([]);
    expect(leader.tick(1).send).toHaveLength(2);
    expect(leader.tick(99).send).toEqual([]);
  });

  it("steps down when no majority was heard for an election timeout (scenario 7)", () => {
    const leader = arrangeLeader({ voters: [1, 2, 3, 4, 5] });
    leader.nowMs += 500;
    leader.receive(2, appendAnswer({ term: 1, result: matched([1, 1]) }));
    leader.tick(500);
    expect(leader.status.role).toBe("leader");
    leader.tick(1);
    expect(leader.status).toMatchObject({ role: "follower", term: 1, leaderId: undefined });
  });

  it("asks each half of a joint configuration for that (R5)", () => {
    const leader = arrangeLeader({ voters: [1, 2, 3], outgoing: [1, 4, 5] });
    leader.nowMs += 1000;
    for (const peer of [2, 3]) {
      leader.receive(peer, appendAnswer({ term: 1, result: matched([1, 1]) }));
    }
    leader.tick(1);
    expect(leader.status.role).toBe("follower");
  });

  it("does not count learners as hearing a majority", () => {
    const leader = arrangeLeader({ voters: [1, 2, 3], learners: [4, 5] });
    leader.nowMs += 1000;
    for (const peer of [4, 5]) {
      leader.receive(peer, appendAnswer({ term: 1, result: matched([1, 1]) }));
    }
    leader.tick(1);
    expect(leader.status.role).toBe("follower");
  });

  it("forgets at once that it led, so that it may vote for another (R5)", () => {
    const leader = arrangeLeader({ voters: [1, 2, 3] });
    leader.tick(1001);
    expect(leader.receive(3, requestVote(2, [1, 1])).sendAfterPersist).toMatchObject([
      { to: 3, message: { granted: true } },
    ]);
  });

  it("hands out after a start what was known as committed but not applied (R8)", () => {
    const node = new DrivenNode({ voters: [1, 2, 3], log: [1, 1, 1], commit: 2, applied: 1 });
    expect(node.tick().apply).toEqual(entries(2, [1]));
    expect(node.tick().apply).toEqual([]);
  });

  it("writes a changed election timeout down, a lower one after a full old period (R3)", () => {
    const node = new DrivenNode({ voters: [1, 2, 3], promiseMs: 3000, random: 0.9 });
    node.receive(2, appendEntries({ term: 1, from: 2 }));
    node.persist();
    expect(node.tick(2999).hardState).toBeUndefined();
    expect(node.tick(1).hardState).toEqual({
      term: 1,
      votedFor: undefined,
      minElectionTimeoutMs: 1000,
    });
    expect(node.tick(1).hardState).toBeUndefined();
  });

  it("keeps a longer promise in whatever else it writes meanwhile (R3)", () => {
    const node = new DrivenNode({ voters: [1, 2, 3], promiseMs: 3000 });
    expect(node.receive(2, appendEntries({ term: 4, from: 2 })).hardState).toEqual({
      term: 4,
      votedFor: undefined,
      minElectionTimeoutMs: 3000,
    });
  });

  it("advertises a lower timeout at once and honours the higher one (R3)", () => {
    const node = new DrivenNode({ voters: [1, 2, 3], term: 1, promiseMs: 3000 });
    const { send } = node.receive(2, appendEntries({ term: 1, from: 2 }));
    expect(send).toMatchObject([{ message: { minElectionTimeoutMs: 1000 } }]);
    node.nowMs = 2999;
    node.tick();
    expect(node.status.role).toBe("follower");
  });
});
