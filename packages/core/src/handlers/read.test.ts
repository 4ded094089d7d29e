import { describe, expect, it } from "vitest";
import { arrangeLeader, DrivenNode } from "../../test/support/driven-node.js";
import {
  appendAnswer,
  appendEntries,
  at,
  change,
  inTerm,
  matched,
  requestVote,
} from "../../test/support/messages.js";

function acknowledge(leader: DrivenNode, from: number, round: number, index = 1) {
  return leader.receive(from, appendAnswer({ term: 1, round, result: matched([1, index]) }));
}

/** Leader of term 1 whose noop is committed; round 1 is answered by node 2. */
function readyLeader(options = {}): DrivenNode {
  const leader = arrangeLeader({ voters: [1, 2, 3], options });
  acknowledge(leader, 2, 1);
  return leader;
}

describe("onRead at the leader", () => {
  it("begins a round and answers when a majority has answered it (thesis §6.4)", () => {
    const leader = readyLeader();
    expect(leader.read()).toMatchObject({
      replies: [],
      send: [
        { to: 2, message: { round: 2 } },
        { to: 3, message: { round: 2 } },
      ],
    });
    expect(acknowledge(leader, 2, 2).replies).toEqual([
      { kind: "readIndex", requestId: 1, index: 1 },
    ]);
  });

  it("is not confirmed by a round that began before the read (scenario 38)", () => {
    const leader = readyLeader();
    leader.tick(100); // round 2 is under way
    leader.read();
    expect(acknowledge(leader, 2, 2).replies).toEqual([]);
    expect(acknowledge(leader, 2, 3).replies).toHaveLength(1);
  });

  it("lets reads that meet a round under way share the next one", () => {
    const leader = readyLeader();
    leader.read();
    expect(leader.read().send).toEqual([]);
    expect(leader.read().send).toEqual([]);
    const first = acknowledge(leader, 2, 2);
    expect(first.replies.map((reply) => reply.requestId)).toEqual([1]);
    expect(first.send).toMatchObject([{ message: { round: 3 } }, { message: { round: 3 } }]);
    const second = acknowledge(leader, 3, 3);
    expect(second.replies.map((reply) => reply.requestId)).toEqual([2, 3]);
  });

  it("waits for the noop of the term (scenario 37), then confirms all of them in one round", () => {
    const leader = arrangeLeader({ voters: [1, 2, 3] });
    expect(leader.read().send).toEqual([]);
    leader.read();
    expect(acknowledge(leader, 2, 1).replies).toEqual([]);
    expect(acknowledge(leader, 2, 2).replies).toEqual([
      { kind: "readIndex", requestId: 1, index: 1 },
      { kind: "readIndex", requestId: 2, index: 1 },
    ]);
  });

  it("gives the commit index at the time of the read, not at its confirmation", () => {
    const leader = readyLeader();
    leader.propose("a");
    leader.persist();
    leader.read();
    expect(acknowledge(leader, 2, 2, 2).replies).toEqual([
      { kind: "readIndex", requestId: 2, index: 1 },
    ]);
    expect(leader.status.commitIndex).toBe(2);
  });

  it("needs a majority of each half of a joint configuration (R5)", () => {
    const leader = arrangeLeader({ voters: [1, 2, 3, 4, 5] });
    acknowledge(leader, 2, 1);
    acknowledge(leader, 4, 1);
    leader.change(change.remove(4, 5));
    leader.read();
    expect(acknowledge(leader, 4, 2).replies).toEqual([]);
    expect(acknowledge(leader, 5, 2).replies).toEqual([]);
    expect(acknowledge(leader, 2, 2).replies).toHaveLength(1);
  });

  it("does not count learners (R5)", () => {
    const leader = arrangeLeader({ voters: [1, 2, 3], learners: [4] });
    acknowledge(leader, 2, 1);
    leader.read();
    expect(acknowledge(leader, 4, 2).replies).toEqual([]);
  });

  it("answers a lone voter at once", () => {
    const leader = arrangeLeader({ voters: [1] });
    expect(leader.read().replies).toEqual([{ kind: "readIndex", requestId: 1, index: 1 }]);
  });

  it("refuses beyond pendingReadsMax", () => {
    const leader = readyLeader({ pendingReadsMax: 1 });
    leader.read();
    expect(leader.read().replies).toMatchObject([{ refusal: { code: "RATE_LIMITED" } }]);
  });

  it("refuses what waits when leadership ends", () => {
    const leader = readyLeader();
    leader.read();
    const answer = appendAnswer({ term: 2, result: { kind: "higherTerm" } });
    expect(leader.receive(3, answer).replies).toMatchObject([
      { kind: "refused", requestId: 1, refusal: { code: "LEADER_CHANGED" } },
    ]);
  });
});

describe("onReadIndex", () => {
  const readIndex = (sequence: number, term = 1) =>
    ({ kind: "readIndex", term: inTerm(term), id: { nonce: 99, sequence } }) as const;

  it("answers another member like the own driver, with the commit on its way to it", () => {
    const leader = readyLeader();
    leader.receive(3, readIndex(5));
    acknowledge(leader, 3, 2);
    leader.receive(3, readIndex(6));
    expect(acknowledge(leader, 2, 3).send).toEqual([
      {
        to: 3,
        message: {
          kind: "readIndexResponse",
          term: 1,
          id: { nonce: 99, sequence: 6 },
          index: 1,
        },
      },
    ]);
  });

  it.each([
    { name: "a follower", leads: false, term: 1 },
    { name: "a leader of an earlier term than the asker's", leads: true, term: 2 },
  ])("is refused by $name", ({ leads, term }) => {
    const node = leads ? readyLeader() : new DrivenNode({ voters: [1, 2, 3], term: 1 });
    expect(node.receive(3, readIndex(5, term)).send).toMatchObject([
      { to: 3, message: { kind: "readIndexResponse", index: undefined } },
    ]);
  });

  it("is refused beyond pendingReadsMax", () => {
    const leader = readyLeader({ pendingReadsMax: 1 });
    leader.receive(3, readIndex(5));
    expect(leader.receive(3, readIndex(6)).send).toMatchObject([
      { to: 3, message: { id: { sequence: 6 }, index: undefined } },
    ]);
  });
});

describe("onRead at a follower", () => {
  /** Follows node 2 in term 3. */
  function follower(options = {}): DrivenNode {
    const node = new DrivenNode({ voters: [1, 2, 3], term: 3, options });
    node.receive(2, appendEntries({ term: 3, from: 2 }));
    return node;
  }

  const answer = (sequence: number, index: number | undefined, nonce = 7) =>
    ({
      kind: "readIndexResponse",
      term: inTerm(3),
      id: { nonce, sequence },
      index: index === undefined ? undefined : at(index),
    }) as const;

  it("asks the leader, and answers with its index (scenario 40)", () => {
    const node = follower();
    expect(node.read().send).toEqual([
      { to: 2, message: { kind: "readIndex", term: 3, id: { nonce: 7, sequence: 1 } } },
    ]);
    expect(node.receive(2, answer(1, 8)).replies).toEqual([
      { kind: "readIndex", requestId: 1, index: 8 },
    ]);
  });

  it("never uses an id twice: an answer to the first try serves no second (scenario 39)", () => {
    const node = follower();
    node.read();
    node.tick(999);
    expect(node.tick(2).replies).toMatchObject([
      { requestId: 1, refusal: { code: "CLUSTER_UNAVAILABLE" } },
    ]);
    node.receive(2, appendEntries({ term: 3, from: 2 }));
    node.read();
    expect(node.receive(2, answer(1, 8)).replies).toEqual([]);
    expect(node.receive(2, answer(2, 9)).replies).toMatchObject([{ requestId: 2, index: 9 }]);
  });

  it.each([
    { name: "of an earlier start of this node", from: 2, nonce: 6 },
    { name: "of a node that was not asked", from: 3, nonce: 7 },
  ])("ignores an answer $name (R4)", ({ from, nonce }) => {
    const node = follower();
    node.read();
    expect(node.receive(from, answer(1, 8, nonce)).replies).toEqual([]);
  });

  it("ignores a repeated answer", () => {
    const node = follower();
    node.read();
    node.receive(2, answer(1, 8));
    expect(node.receive(2, answer(1, 8)).replies).toEqual([]);
  });

  it("refuses when the leader refuses, or changes, or is unknown", () => {
    const node = follower();
    node.read();
    expect(node.receive(2, answer(1, undefined)).replies).toMatchObject([
      { requestId: 1, refusal: { code: "LEADER_CHANGED" } },
    ]);
    node.read();
    expect(node.receive(3, appendEntries({ term: 4, from: 3 })).replies).toMatchObject([
      { requestId: 2, refusal: { code: "LEADER_CHANGED", leaderId: 3 } },
    ]);
    node.receive(2, requestVote(9, [0, 0], true));
    expect(node.read().replies).toMatchObject([
      { requestId: 3, refusal: { code: "CLUSTER_UNAVAILABLE" } },
    ]);
  });

  it("refuses beyond pendingReadsMax", () => {
    const node = follower({ pendingReadsMax: 1 });
    node.read();
    expect(node.read().replies).toMatchObject([{ refusal: { code: "RATE_LIMITED" } }]);
  });
});
