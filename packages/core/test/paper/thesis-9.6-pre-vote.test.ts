import { describe, expect, it } from "vitest";
import { DrivenNode } from "../support/driven-node.js";
import {
  appendEntries,
  effects,
  id,
  inTerm,
  preVote,
  preVoteAnswer,
  requestVote,
} from "../support/messages.js";

describe("thesis §9.6 pre-vote", () => {
  it("a server asks whether it could win before it increments its term", () => {
    const node = new DrivenNode({ voters: [1, 2, 3], log: [1, 2], term: 2 });
    node.nowMs = 1000;
    expect(node.tick()).toEqual(
      effects({
        send: [2, 3].map((to) => ({ to: id(to), message: preVote(3, [2, 2]) })),
        roleChange: {
          role: "preCandidate",
          term: inTerm(2),
          leaderId: undefined,
          reason: "no leader heard within the election timeout",
        },
      }),
    );
  });

  it("it campaigns only when a majority would vote for it", () => {
    const node = new DrivenNode({ voters: [1, 2, 3, 4, 5], term: 2 });
    node.tick(1000);
    node.receive(2, preVoteAnswer({ term: 2, campaignTerm: 3, granted: true }));
    expect(node.status).toMatchObject({ role: "preCandidate", term: 2 });
    node.receive(3, preVoteAnswer({ term: 2, campaignTerm: 3, granted: true }));
    expect(node.status).toMatchObject({ role: "candidate", term: 3 });
  });

  it("a server without a majority never increments its term (scenario 6)", () => {
    const node = new DrivenNode({ voters: [1, 2, 3], term: 2 });
    for (let wait = 0; wait < 100; wait++) node.tick(1000);
    expect(node.status).toMatchObject({ role: "preCandidate", term: 2, votedFor: undefined });
  });

  it("a pre-vote is granted to an up-to-date log by whoever has heard no leader of late", () => {
    const node = new DrivenNode({ voters: [1, 2, 3], log: [1], term: 1 });
    node.nowMs = 1000;
    expect(node.receive(2, preVote(2, [1, 1])).send).toMatchObject([
      { message: { granted: true } },
    ]);
    node.receive(3, appendEntries({ term: 1, from: 3, prev: [1, 1] }));
    expect(node.receive(2, preVote(2, [1, 1])).send).toMatchObject([
      { message: { granted: false } },
    ]);
  });

  it("granting one is no vote: the real one is free", () => {
    const node = new DrivenNode({ voters: [1, 2, 3], term: 1 });
    node.nowMs = 1000;
    node.receive(2, preVote(2, [0, 0]));
    expect(node.receive(3, requestVote(2, [0, 0])).sendAfterPersist).toMatchObject([
      { to: 3, message: { granted: true } },
    ]);
  });

  it("a pre-candidate that hears a leader follows it in its unchanged term", () => {
    const node = new DrivenNode({ voters: [1, 2, 3], term: 1 });
    node.tick(1000);
    node.receive(2, appendEntries({ term: 1, from: 2 }));
    expect(node.status).toMatchObject({ role: "follower", term: 1, leaderId: 2 });
  });
});
