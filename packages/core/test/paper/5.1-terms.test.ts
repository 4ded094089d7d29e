import { describe, expect, it } from "vitest";
import { arrangeCandidate, arrangeLeader, DrivenNode } from "../support/driven-node.js";
import {
  appendAnswer,
  appendEntries,
  effects,
  id,
  preVoteAnswer,
  requestVote,
  voteAnswer,
} from "../support/messages.js";

describe("§5.1 terms", () => {
  it.each([
    { name: "a vote request", message: requestVote(7, [0, 0]) },
    { name: "an append", message: appendEntries({ term: 7, from: 2 }) },
    { name: "a vote answer", message: voteAnswer(7, false) },
    {
      name: "an append answer",
      message: appendAnswer({ term: 7, result: { kind: "higherTerm" } }),
    },
    {
      name: "a pre-vote answer",
      message: preVoteAnswer({ term: 7, campaignTerm: 6, granted: false }),
    },
  ])("a term larger than its own, seen in $name, becomes its own and durable", ({ message }) => {
    const node = new DrivenNode({ voters: [1, 2, 3], term: 5, votedFor: 3 });
    node.nowMs = 1000;
    expect(node.receive(2, message).hardState).toMatchObject({ term: 7 });
    expect(node.status.term).toBe(7);
  });

  it.each([
    { role: "leader", arrange: arrangeLeader },
    { role: "candidate", arrange: arrangeCandidate },
  ])("a $role whose term is out of date reverts to follower at once", ({ role, arrange }) => {
    const node = arrange({ voters: [1, 2, 3] });
    expect(node.status.role).toBe(role);
    node.receive(2, voteAnswer(9, false));
    expect(node.status).toMatchObject({ role: "follower", term: 9, votedFor: undefined });
  });

  it("a request with a stale term is rejected, and changes nothing", () => {
    const node = new DrivenNode({ voters: [1, 2, 3], log: [5], term: 5 });
    const before = node.status;
    const refusal = appendAnswer({ term: 5, result: { kind: "higherTerm" } });
    expect(node.receive(2, appendEntries({ term: 4, from: 2, prev: [4, 1] }))).toEqual(
      effects({ send: [{ to: id(2), message: refusal }] }),
    );
    expect(node.receive(2, requestVote(4, [4, 9]))).toEqual(
      effects({ send: [{ to: id(2), message: voteAnswer(5, false, [5, 1]) }] }),
    );
    expect(node.status).toEqual(before);
  });

  it("an answer of a stale term is ignored", () => {
    const leader = arrangeLeader({ voters: [1, 2, 3], term: 4 });
    const before = leader.status;
    const stale = appendAnswer({ term: 4, result: { kind: "success", lastMatch: before.last } });
    expect(leader.receive(2, stale)).toEqual(effects({ batch: expect.any(Number) as never }));
    expect(leader.status).toEqual(before);
  });
});
