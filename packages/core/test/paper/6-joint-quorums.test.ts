import { describe, expect, it } from "vitest";
import { arrangeCandidate, arrangeLeader, DrivenNode } from "../support/driven-node.js";
import {
  appendAnswer,
  appendEntries,
  matched,
  preVoteAnswer,
  voteAnswer,
} from "../support/messages.js";

/** Old half 1, 4, 5; new half 1, 2, 3. */
const joint = { voters: [1, 2, 3], outgoing: [1, 4, 5] };

describe("§6 agreement requires separate majorities from both halves", () => {
  it("for pre-votes", () => {
    const node = new DrivenNode(joint);
    node.tick(1000);
    const granted = preVoteAnswer({ term: 0, campaignTerm: 1, granted: true });
    node.receive(2, granted);
    node.receive(3, granted);
    expect(node.status.role).toBe("preCandidate");
    node.receive(4, granted);
    expect(node.status.role).toBe("candidate");
  });

  it("for elections, which one half alone can refuse", () => {
    const candidate = arrangeCandidate(joint);
    candidate.receive(2, voteAnswer(1, true));
    candidate.receive(4, voteAnswer(1, false));
    candidate.receive(5, voteAnswer(1, false));
    expect(candidate.status.role).toBe("follower");
  });

  it("for committing", () => {
    const leader = arrangeLeader(joint);
    leader.receive(2, appendAnswer({ term: 1, result: matched([1, 1]) }));
    leader.receive(3, appendAnswer({ term: 1, result: matched([1, 1]) }));
    expect(leader.status.commitIndex).toBe(0);
    leader.receive(5, appendAnswer({ term: 1, result: matched([1, 1]) }));
    expect(leader.status.commitIndex).toBe(1);
  });

  it("entries are replicated to all servers in both halves", () => {
    const leader = arrangeLeader(joint);
    expect(leader.tick(100).send.map((envelope) => envelope.to)).toEqual([2, 3, 4, 5]);
  });

  it("any server from either half may serve as leader", () => {
    const old = arrangeLeader({ id: 4, ...joint });
    expect(old.status).toMatchObject({ role: "leader", id: 4 });
  });

  it("a server outside both halves does not campaign, and follows (learner)", () => {
    const learner = new DrivenNode({ id: 9, ...joint, learners: [9] });
    learner.tick(10_000);
    learner.receive(2, appendEntries({ term: 1, from: 2 }));
    expect(learner.status).toMatchObject({ role: "learner", leaderId: 2 });
  });
});

describe("§6 disruptive servers", () => {
  it("a vote request within the minimum election timeout of hearing a leader is ignored", () => {
    const node = new DrivenNode({ voters: [1, 2, 3], term: 1 });
    node.receive(2, appendEntries({ term: 1, from: 2 }));
    node.nowMs += 999;
    const request = { kind: "requestVote", leadershipTransfer: false } as const;
    const lastLog = { term: 9, index: 9 } as never;
    node.receive(3, { ...request, term: 9 as never, lastLog });
    expect(node.status).toMatchObject({ term: 1, votedFor: undefined, leaderId: 2 });
  });
});
