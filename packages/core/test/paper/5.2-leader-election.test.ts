import { describe, expect, it } from "vitest";
import { Prng } from "../random/prng.js";
import { arrangeCandidate, arrangeLeader, DrivenNode } from "../support/driven-node.js";
import {
  appendEntries,
  effects,
  id,
  inTerm,
  noop,
  preVoteAnswer,
  requestVote,
  voteAnswer,
} from "../support/messages.js";

describe("§5.2 leader election", () => {
  it("a server starts as a follower", () => {
    expect(new DrivenNode({ voters: [1, 2, 3] }).status).toMatchObject({
      role: "follower",
      leaderId: undefined,
    });
  });

  it("a server remains a follower as long as it receives valid requests from a leader", () => {
    const node = new DrivenNode({ voters: [1, 2, 3], term: 1 });
    for (let beat = 0; beat < 20; beat++) {
      node.tick(999);
      node.receive(2, appendEntries({ term: 1, from: 2 }));
    }
    expect(node.status).toMatchObject({ role: "follower", leaderId: 2, term: 1 });
  });

  it("a leader sends periodic heartbeats to all followers to maintain its authority", () => {
    const leader = arrangeLeader({ voters: [1, 2, 3], learners: [4] });
    const { send } = leader.tick(100);
    expect(send.map((envelope) => envelope.to)).toEqual([2, 3, 4]);
    expect(send.map((envelope) => envelope.message)).toMatchObject(
      [2, 3, 4].map(() => ({ kind: "appendEntries", entries: [] })),
    );
  });

  it("to begin an election it increments its term, votes for itself and asks every other", () => {
    const node = new DrivenNode({ voters: [1, 2, 3], log: [1, 2], term: 2 });
    node.tick(1000);
    const won = preVoteAnswer({ term: 2, campaignTerm: 3, granted: true });
    expect(node.receive(2, won)).toEqual(
      effects({
        batch: 1 as never,
        hardState: { term: inTerm(3), votedFor: id(1), minElectionTimeoutMs: 1000 },
        sendAfterPersist: [2, 3].map((to) => ({ to: id(to), message: requestVote(3, [2, 2]) })),
        roleChange: {
          role: "candidate",
          term: inTerm(3),
          leaderId: undefined,
          reason: "a majority would vote for it",
        },
      }),
    );
  });

  it("a candidate wins with the votes of a majority of the full cluster, its own included", () => {
    const candidate = arrangeCandidate({ voters: [1, 2, 3, 4, 5] });
    candidate.receive(2, voteAnswer(1, true));
    expect(candidate.status.role).toBe("candidate");
    candidate.receive(3, voteAnswer(1, true));
    expect(candidate.status).toMatchObject({ role: "leader", leaderId: 1 });
  });

  it("each server votes for at most one candidate in a term, first come first served", () => {
    const node = new DrivenNode({ voters: [1, 2, 3], term: 1 });
    node.nowMs = 1000;
    node.receive(2, requestVote(2, [0, 0]));
    expect(node.receive(3, requestVote(2, [9, 9])).sendAfterPersist).toMatchObject([
      { to: 3, message: { granted: false } },
    ]);
  });

  it("once elected it sends heartbeats to all others at once, with its noop (§8)", () => {
    const candidate = arrangeCandidate({ voters: [1, 2, 3] });
    const step = candidate.receive(2, voteAnswer(1, true));
    const message = appendEntries({ term: 1, from: 1, entries: [noop([1, 1])] });
    expect(step).toEqual(
      effects({
        batch: step.batch,
        append: [noop([1, 1])],
        send: [
          { to: id(2), message },
          { to: id(3), message },
        ],
        roleChange: {
          role: "leader",
          term: inTerm(1),
          leaderId: id(1),
          reason: "elected by a majority",
        },
      }),
    );
  });

  it("a candidate that hears a leader of its term, or a later one, returns to follower", () => {
    for (const term of [1, 2]) {
      const candidate = arrangeCandidate({ voters: [1, 2, 3] });
      candidate.receive(2, appendEntries({ term, from: 2 }));
      expect(candidate.status).toMatchObject({ role: "follower", leaderId: 2, term });
    }
  });

  it("a candidate that hears a leader of an earlier term remains a candidate", () => {
    const candidate = arrangeCandidate({ voters: [1, 2, 3], term: 4 });
    candidate.receive(2, appendEntries({ term: 4, from: 2 }));
    expect(candidate.status).toMatchObject({ role: "candidate", term: 5 });
  });

  it("a candidate that neither wins nor loses times out and begins a new election", () => {
    const candidate = arrangeCandidate({ voters: [1, 2, 3] });
    candidate.tick(1000);
    const won = preVoteAnswer({ term: 1, campaignTerm: 2, granted: true });
    expect(candidate.receive(2, won).hardState).toMatchObject({ term: 2, votedFor: 1 });
  });

  it("restarts its timer when a vote is granted, not when one is refused", () => {
    for (const granted of [true, false]) {
      const node = new DrivenNode({ voters: [1, 2, 3], log: [3], term: 3, random: 0.5 });
      node.tick(1200);
      node.receive(2, requestVote(4, granted ? [3, 1] : [2, 1]));
      node.tick(300);
      expect(node.status.role).toBe(granted ? "follower" : "preCandidate");
    }
  });

  it("votes are not split for long, even if timeouts are equal: one gives way (scenario 5)", () => {
    const rounds = 100;
    expect(splitVotes(rounds, () => 0)).toBe(1);
    for (let seed = 1; seed <= 100; seed++) {
      const prng = new Prng(seed);
      expect(splitVotes(rounds, () => prng.next())).toBeLessThanOrEqual(2);
    }
  });
});

/**
 * Two of three nodes, the third is gone, campaign whenever their timers say so, and hear each
 * other 20 ms later. How many terms pass without a leader.
 */
function splitVotes(roundsMax: number, chance: () => number): number {
  const random = { next: chance };
  const nodes = [1, 2].map((n) => new DrivenNode({ id: n, voters: [1, 2, 3], random }));
  let inFlight: { at: number; run: () => void }[] = [];
  const post = (from: DrivenNode, step: ReturnType<DrivenNode["tick"]>, nowMs: number): void => {
    for (const { to, message } of [...step.send, ...step.sendAfterPersist]) {
      const receiver = nodes[to - 1];
      if (receiver === undefined) continue;
      const run = () => post(receiver, receiver.receive(from.status.id, message), nowMs + 20);
      inFlight.push({ at: nowMs + 20, run });
    }
    if (step.hardState !== undefined || step.append.length > 0) {
      post(from, from.persist(), nowMs);
    }
  };
  for (let nowMs = 0; nodes.every((node) => node.status.term < roundsMax); nowMs += 10) {
    for (const node of nodes) {
      node.nowMs = nowMs;
      post(node, node.tick(), nowMs);
    }
    const due = inFlight.filter((message) => message.at <= nowMs);
    inFlight = inFlight.filter((message) => message.at > nowMs);
    for (const message of due) message.run();
    if (nodes.some((node) => node.status.role === "leader")) break;
  }
  return Math.max(...nodes.map((node) => node.status.term));
}
