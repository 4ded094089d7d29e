import { describe, expect, it } from "vitest";
import { arrangeCandidate, arrangeLeader, DrivenNode } from "../../test/support/driven-node.js";
import {
  appendAnswer,
  appendEntries,
  effects,
  id,
  inTerm,
  matched,
  type Position,
  preVote,
  preVoteAnswer,
  requestVote,
  voteAnswer,
} from "../../test/support/messages.js";

/** A follower in term 3 that last heard a leader long ago. */
function idleFollower(arranged = {}): DrivenNode {
  const node = new DrivenNode({ voters: [1, 2, 3], log: [1, 2], term: 3, ...arranged });
  node.nowMs = 5000;
  return node;
}

/** A follower in term 3 that hears node 2 lead at 5,000 ms. */
function loyalFollower(arranged = {}): DrivenNode {
  const node = idleFollower(arranged);
  node.receive(2, appendEntries({ term: 3, from: 2, prev: [2, 2] }));
  return node;
}

describe("onRequestVote", () => {
  it("writes term and vote down before the vote leaves (scenario 3, I11)", () => {
    const node = idleFollower();
    expect(node.receive(2, requestVote(4, [2, 2]))).toEqual(
      effects({
        batch: 1 as never,
        hardState: { term: inTerm(4), votedFor: id(2), minElectionTimeoutMs: 1000 },
        sendAfterPersist: [{ to: id(2), message: voteAnswer(4, true, [2, 2]) }],
        roleChange: {
          role: "follower",
          term: inTerm(4),
          leaderId: undefined,
          reason: "2 campaigns in term 4",
        },
      }),
    );
  });

  it("gives one vote a term, also over a restart (scenario 3)", () => {
    const node = idleFollower();
    node.receive(2, requestVote(4, [2, 2]));
    expect(node.receive(3, requestVote(4, [2, 2]))).toMatchObject({
      hardState: undefined,
      sendAfterPersist: [{ to: 3, message: { granted: false } }],
    });
    const restarted = idleFollower({ term: 4, votedFor: 2 });
    expect(restarted.receive(3, requestVote(4, [9, 9])).send).toMatchObject([
      { to: 3, message: { granted: false, term: 4 } },
    ]);
  });

  it("repeats the same vote to the same candidate, also over a restart (scenario 4)", () => {
    const restarted = new DrivenNode({ voters: [1, 2, 3], log: [1, 2], term: 4, votedFor: 2 });
    expect(restarted.receive(2, requestVote(4, [2, 2]))).toEqual(
      effects({ send: [{ to: id(2), message: voteAnswer(4, true, [2, 2]) }] }),
    );
  });

  it("does not let a repeated vote overtake the first one to the disk (scenario 3, I11)", () => {
    const node = idleFollower();
    node.receive(2, requestVote(4, [2, 2]));
    expect(node.receive(2, requestVote(4, [2, 2]))).toMatchObject({
      send: [],
      sendAfterPersist: [{ to: 2, message: { granted: true } }],
    });
  });

  it.each<{ name: string; lastLog: Position; granted: boolean }>([
    { name: "an equal log", lastLog: [2, 2], granted: true },
    { name: "a longer log of the same last term", lastLog: [2, 3], granted: true },
    { name: "a shorter log of a later last term", lastLog: [3, 1], granted: true },
    { name: "a shorter log of the same last term", lastLog: [2, 1], granted: false },
    { name: "a longer log of an earlier last term", lastLog: [1, 9], granted: false },
  ])("answers $granted to $name (§5.4.1)", ({ lastLog, granted }) => {
    const node = idleFollower();
    const step = node.receive(2, requestVote(4, lastLog));
    expect(step.sendAfterPersist).toMatchObject([{ message: { term: 4, granted } }]);
    expect(step.hardState).toMatchObject({ term: 4, votedFor: granted ? 2 : undefined });
  });

  it("refuses an earlier term and answers with its own (R5)", () => {
    const node = idleFollower();
    expect(node.receive(2, requestVote(2, [9, 9]))).toEqual(
      effects({ send: [{ to: id(2), message: voteAnswer(3, false, [2, 2]) }] }),
    );
  });

  it("gives no vote in term 0, which has no election", () => {
    const node = idleFollower({ log: [], term: 0 });
    expect(node.receive(2, requestVote(0, [0, 0])).hardState).toBeUndefined();
    expect(node.status.votedFor).toBeUndefined();
  });

  it("is sticky: within a minimum timeout of hearing a leader it votes for nobody else (R5)", () => {
    const node = loyalFollower();
    node.nowMs += 999;
    expect(node.receive(3, requestVote(9, [9, 9]))).toEqual(
      effects({ send: [{ to: id(3), message: voteAnswer(3, false, [2, 2]) }] }),
    );
    node.nowMs += 1;
    expect(node.receive(3, requestVote(9, [9, 9])).sendAfterPersist).toMatchObject([
      { message: { term: 9, granted: true } },
    ]);
  });

  it.each([
    { name: "a vote request", message: requestVote(4, [1, 1]) },
    { name: "a pre-vote", message: preVote(5, [1, 1]) },
    { name: "an append of an earlier term", message: appendEntries({ term: 2, from: 2 }) },
    { name: "an answer", message: appendAnswer({ term: 3, result: matched([1, 1]) }) },
  ])("does not take $name for hearing a leader (R5)", ({ message }) => {
    const node = idleFollower();
    node.receive(2, message);
    expect(node.receive(3, requestVote(9, [9, 9])).sendAfterPersist).toMatchObject([
      { message: { granted: true } },
    ]);
  });

  it("lifts stickiness for a transfer (R2)", () => {
    const node = loyalFollower();
    expect(node.receive(3, requestVote(4, [2, 2], true)).sendAfterPersist).toMatchObject([
      { message: { term: 4, granted: true } },
    ]);
  });

  it("lets the leader that it heard stand again itself (scenario 12)", () => {
    const node = loyalFollower();
    expect(node.receive(2, preVote(4, [2, 2])).send).toMatchObject([
      { message: { granted: true } },
    ]);
    expect(node.receive(2, requestVote(4, [2, 2])).sendAfterPersist).toMatchObject([
      { message: { granted: true } },
    ]);
  });

  it("counts a start as having just heard a leader (R3)", () => {
    const node = new DrivenNode({ voters: [1, 2, 3], term: 3, nowMs: 100 });
    node.nowMs = 1099;
    expect(node.receive(2, requestVote(4, [2, 2])).send).toMatchObject([
      { message: { granted: false, term: 3 } },
    ]);
    node.nowMs = 1100;
    expect(node.receive(2, requestVote(4, [2, 2])).sendAfterPersist).toMatchObject([
      { message: { granted: true } },
    ]);
  });

  it("honours a longer promise of an earlier run for one full period (R3)", () => {
    const node = new DrivenNode({ voters: [1, 2, 3], term: 3, promiseMs: 3000 });
    for (const nowMs of [1500, 2999]) {
      node.nowMs = nowMs;
      node.tick();
      expect(node.receive(2, requestVote(9, [9, 9])).send).toMatchObject([
        { message: { granted: false } },
      ]);
    }
    node.nowMs = 3000;
    expect(node.receive(2, requestVote(9, [9, 9])).sendAfterPersist).toMatchObject([
      { message: { granted: true } },
    ]);
  });

  it("votes as a learner too: the asker may know of its promotion (scenario 32)", () => {
    const node = idleFollower({ voters: [2, 3], learners: [1] });
    expect(node.receive(2, requestVote(4, [2, 2])).sendAfterPersist).toMatchObject([
      { message: { granted: true } },
    ]);
    expect(node.status.role).toBe("learner");
  });

  it("stops asking for pre-votes once it has voted for another", () => {
    const node = idleFollower();
    node.tick();
    expect(node.status.role).toBe("preCandidate");
    node.receive(2, requestVote(3, [2, 2]));
    expect(node.status).toMatchObject({ role: "follower", votedFor: 2, term: 3 });
  });

  it("is refused by a leader whose quorum answers, which keeps its term (R5)", () => {
    const leader = arrangeLeader({ voters: [1, 2, 3] });
    leader.receive(2, appendAnswer({ term: 1, result: matched([1, 1]) }));
    leader.nowMs += 999;
    expect(leader.receive(3, requestVote(7, [9, 9])).send).toMatchObject([
      { to: 3, message: { granted: false, term: 1 } },
    ]);
    expect(leader.status).toMatchObject({ role: "leader", term: 1 });
  });

  it("is given by a leader that hears no majority any more", () => {
    const leader = arrangeLeader({ voters: [1, 2, 3] });
    leader.nowMs += 1001;
    expect(leader.receive(3, requestVote(7, [9, 9])).sendAfterPersist).toMatchObject([
      { to: 3, message: { granted: true, term: 7 } },
    ]);
    expect(leader.status).toMatchObject({ role: "follower", term: 7 });
  });
});

describe("onPreVote", () => {
  it("grants without changing anything, the term least of all (thesis §9.6, R5)", () => {
    const node = idleFollower();
    const before = node.status;
    expect(node.receive(2, preVote(4, [2, 2]))).toEqual(
      effects({
        send: [{ to: id(2), message: preVoteAnswer({ term: 3, campaignTerm: 4, granted: true }) }],
      }),
    );
    expect(node.status).toEqual(before);
  });

  it.each<{ name: string; node: () => DrivenNode; term: number; lastLog: Position }>([
    { name: "for a term that is not higher", node: idleFollower, term: 3, lastLog: [9, 9] },
    { name: "for a log that is behind", node: idleFollower, term: 4, lastLog: [2, 1] },
    { name: "while it hears a leader", node: loyalFollower, term: 9, lastLog: [9, 9] },
  ])("refuses $name, with its own term (R5)", ({ node, term, lastLog }) => {
    expect(node().receive(3, preVote(term, lastLog)).send).toEqual([
      { to: id(3), message: preVoteAnswer({ term: 3, campaignTerm: term, granted: false }) },
    ]);
  });

  it.each([
    { name: "a higher id", from: 3, lastLog: [2, 2] as const, role: "follower" },
    { name: "a longer log", from: 1, lastLog: [2, 3] as const, role: "follower" },
    { name: "a lower id", from: 1, lastLog: [2, 2] as const, role: "preCandidate" },
    { name: "a shorter log", from: 3, lastLog: [2, 1] as const, role: "preCandidate" },
  ])("of two that ask at a time one goes first: $name (scenario 5)", ({ from, lastLog, role }) => {
    const node = idleFollower({ id: 2 });
    node.tick();
    node.receive(from, preVote(4, lastLog));
    expect(node.status.role).toBe(role);
  });

  it("lets the other go first for a heartbeat interval, not for an election timeout", () => {
    const node = idleFollower({ id: 2, options: { heartbeatIntervalMs: 100 } });
    node.tick();
    node.receive(3, preVote(4, [2, 2]));
    node.tick(99);
    expect(node.status.role).toBe("follower");
    node.tick(1);
    expect(node.status.role).toBe("preCandidate");
  });

  it("makes the one that would vote wait to be asked to (scenario 5)", () => {
    const node = idleFollower({ options: { heartbeatIntervalMs: 100 } });
    node.receive(2, preVote(4, [2, 2]));
    node.tick(99);
    expect(node.status.role).toBe("follower");
    node.tick(1);
    expect(node.status.role).toBe("preCandidate");
  });

  it("does not make one that refuses wait", () => {
    const node = idleFollower();
    node.receive(2, preVote(4, [2, 1]));
    node.tick();
    expect(node.status.role).toBe("preCandidate");
  });

  it("grants to several in one term: nothing is promised", () => {
    const node = idleFollower();
    node.receive(2, preVote(4, [2, 2]));
    expect(node.receive(3, preVote(4, [2, 2])).send).toMatchObject([
      { message: { granted: true } },
    ]);
  });
});

describe("answers to votes", () => {
  it("adopts the term of a refusal before it asks again (scenario 11, R5)", () => {
    const node = idleFollower();
    node.tick();
    const step = node.receive(2, preVoteAnswer({ term: 8, campaignTerm: 4, granted: false }));
    expect(step.hardState).toMatchObject({ term: 8, votedFor: undefined });
    expect(node.status).toMatchObject({ role: "follower", term: 8 });
    expect(node.tick(1000)).toMatchObject({
      send: [],
      sendAfterPersist: [
        { to: 2, message: { kind: "preVote", term: 9 } },
        { to: 3, message: { kind: "preVote", term: 9 } },
      ],
    });
  });

  it("ignores the answer to an earlier campaign", () => {
    const node = idleFollower();
    node.tick();
    node.receive(2, preVoteAnswer({ term: 2, campaignTerm: 3, granted: true }));
    expect(node.status.role).toBe("preCandidate");
    const candidate = arrangeCandidate({ voters: [1, 2, 3], term: 5 });
    candidate.receive(2, voteAnswer(5, true));
    expect(candidate.status).toMatchObject({ role: "candidate", term: 6 });
  });

  it("counts its own vote only when the disk has it (I11)", () => {
    const lone = new DrivenNode({ voters: [1] });
    lone.tick();
    expect(lone.status).toMatchObject({ role: "candidate", term: 1 });
    lone.persist();
    expect(lone.status.role).toBe("leader");
  });

  it("counts each voter once, and no learner", () => {
    const candidate = arrangeCandidate({ voters: [1, 2, 3, 4, 5], learners: [6] });
    candidate.receive(2, voteAnswer(1, true));
    candidate.receive(2, voteAnswer(1, true));
    candidate.receive(6, voteAnswer(1, true));
    expect(candidate.status.role).toBe("candidate");
    candidate.receive(3, voteAnswer(1, true));
    expect(candidate.status.role).toBe("leader");
  });

  it("needs a majority of each half of a joint configuration (§6)", () => {
    const candidate = arrangeCandidate({ voters: [1, 2, 3], outgoing: [1, 4, 5] });
    candidate.receive(2, voteAnswer(1, true));
    candidate.receive(3, voteAnswer(1, true));
    expect(candidate.status.role).toBe("candidate");
    candidate.receive(5, voteAnswer(1, true));
    expect(candidate.status.role).toBe("leader");
  });

  it("campaigns again soon after votes were divided (scenario 5)", () => {
    const candidate = arrangeCandidate({ voters: [1, 2, 3], random: 0.5 });
    const { term } = candidate.status;
    candidate.receive(2, requestVote(term, [0, 0]));
    candidate.tick(299);
    expect(candidate.status.role).toBe("candidate");
    candidate.tick(1);
    expect(candidate.status).toMatchObject({ role: "preCandidate", term });
  });

  it("follows nobody after a majority has refused, and waits anew", () => {
    const candidate = arrangeCandidate({ voters: [1, 2, 3] });
    candidate.receive(2, voteAnswer(1, false));
    candidate.receive(3, voteAnswer(1, false));
    expect(candidate.status).toMatchObject({ role: "follower", term: 1, leaderId: undefined });
    candidate.tick(999);
    expect(candidate.status.role).toBe("follower");
  });
});
