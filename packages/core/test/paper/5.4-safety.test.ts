import { describe, expect, it } from "vitest";
import { arrangeLeader, DrivenNode } from "../support/driven-node.js";
import {
  appendAnswer,
  appendEntries,
  entries,
  entry,
  matched,
  noop,
  type Position,
  requestVote,
} from "../support/messages.js";

describe("§5.4.1 election restriction", () => {
  it.each<{ name: string; own: number[]; asked: Position; granted: boolean }>([
    { name: "a later last term, though shorter", own: [1, 1, 1], asked: [2, 1], granted: true },
    { name: "the same last term and length", own: [1, 1], asked: [1, 2], granted: true },
    { name: "the same last term and more", own: [1, 1], asked: [1, 3], granted: true },
    { name: "the same last term and less", own: [1, 1], asked: [1, 1], granted: false },
    { name: "an earlier last term, though longer", own: [1, 2], asked: [1, 9], granted: false },
  ])("answers $granted to a candidate whose log has $name", ({ own, asked, granted }) => {
    const voter = new DrivenNode({ voters: [1, 2, 3], log: own, term: 3 });
    voter.nowMs = 1000;
    expect(voter.receive(2, requestVote(4, asked)).sendAfterPersist).toMatchObject([
      { message: { granted } },
    ]);
  });
});

describe("§5.4.2 committing entries from previous terms", () => {
  it("commits no entry of an earlier term by counting (figure 8, scenario 1)", () => {
    const leader = arrangeLeader({ voters: [1, 2, 3, 4, 5], log: [1, 2], term: 3 });
    for (const peer of [2, 3, 4, 5]) {
      leader.receive(peer, appendAnswer({ term: 4, result: matched([2, 2]) }));
    }
    expect(leader.status.commitIndex).toBe(0);
  });

  it("commits it along with an entry of its own term", () => {
    const leader = arrangeLeader({ voters: [1, 2, 3, 4, 5], log: [1, 2], term: 3 });
    leader.receive(2, appendAnswer({ term: 4, result: matched([4, 3]) }));
    expect(leader.receive(3, appendAnswer({ term: 4, result: matched([4, 3]) })).apply).toEqual([
      ...entries(1, [1, 2]),
      noop([4, 3]),
    ]);
  });

  it("lets entries keep their terms when they are replicated by a later leader", () => {
    const leader = arrangeLeader({ voters: [1, 2, 3], log: [1, 2], term: 5 });
    const conflict = { kind: "conflict", term: undefined, index: 1 as never } as const;
    const { send } = leader.receive(2, appendAnswer({ term: 6, result: conflict }));
    expect(send[0]!.message).toMatchObject({ entries: [{ term: 1 }, { term: 2 }, { term: 6 }] });
  });
});

describe("§5.4.3 state machine safety", () => {
  it("never replaces an entry at or below the commit index", () => {
    const follower = new DrivenNode({ voters: [1, 2, 3], log: [1, 1, 1], term: 1, commit: 2 });
    const message = appendEntries({ term: 2, from: 2, prev: [1, 1], entries: [entry([2, 2])] });
    expect(() => follower.receive(2, message)).toThrow("truncating at 2, committed to 2");
  });

  it("a leader counts its own entries only when its disk holds them (thesis §10.2.1)", () => {
    const leader = arrangeLeader({ voters: [1, 2, 3] });
    leader.receive(2, appendAnswer({ term: 1, result: matched([1, 1]) }));
    leader.propose("x");
    leader.receive(2, appendAnswer({ term: 1, result: matched([1, 2]) }));
    expect(leader.status.commitIndex).toBe(1);
    expect(leader.persist().apply).toEqual([entry([1, 2], "x")]);
  });

  it("and commits without itself when the others suffice (scenario 19)", () => {
    const leader = arrangeLeader({ voters: [1, 2, 3] });
    leader.propose("x");
    leader.receive(2, appendAnswer({ term: 1, result: matched([1, 2]) }));
    leader.receive(3, appendAnswer({ term: 1, result: matched([1, 2]) }));
    expect(leader.status).toMatchObject({ commitIndex: 2, durableIndex: 1 });
  });
});

describe("§5.5 follower and candidate crashes", () => {
  it("a request that repeats what a follower has is answered again and changes nothing", () => {
    const follower = new DrivenNode({ voters: [1, 2, 3], term: 1 });
    const message = appendEntries({ term: 1, from: 2, entries: entries(1, [1, 1]) });
    follower.receive(2, message);
    follower.persist();
    expect(follower.receive(2, message)).toMatchObject({
      append: [],
      send: [{ message: { result: matched([1, 2]) } }],
    });
  });
});
