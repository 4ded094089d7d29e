import { describe, expect, it } from "vitest";
import { arrangeLeader, DrivenNode } from "../support/driven-node.js";
import { appendAnswer, appendEntries, matched, noop } from "../support/messages.js";

describe("§8 client interaction", () => {
  it("a server that does not lead refuses, and names the most recent leader it has heard", () => {
    const node = new DrivenNode({ voters: [1, 2, 3], term: 1 });
    node.receive(3, appendEntries({ term: 1, from: 3 }));
    expect(node.propose("x").replies).toMatchObject([
      { kind: "refused", refusal: { code: "NOT_LEADER", leaderId: 3 } },
    ]);
  });

  it("a leader commits a blank no-op at the start of its term", () => {
    const leader = arrangeLeader({ voters: [1, 2, 3], log: [1] });
    expect(
      leader.receive(2, appendAnswer({ term: 2, result: matched([2, 2]) })).apply.at(-1),
    ).toEqual(noop([2, 2]));
  });

  it("a leader must not answer a read before that: it does not know what is committed", () => {
    const leader = arrangeLeader({ voters: [1, 2, 3], log: [1] });
    leader.read();
    const behind = appendAnswer({ term: 2, round: 1, result: matched([1, 1]) });
    expect(leader.receive(2, behind).replies).toEqual([]);
    expect(leader.node.leaseHolds(leader.nowMs)).toBe(false);
  });

  it("a leader exchanges heartbeats with a majority before it answers a read", () => {
    const leader = arrangeLeader({ voters: [1, 2, 3, 4, 5] });
    for (const peer of [2, 3]) {
      leader.receive(peer, appendAnswer({ term: 1, result: matched([1, 1]) }));
    }
    leader.read();
    const beat = appendAnswer({ term: 1, round: 2, result: matched([1, 1]) });
    expect(leader.receive(2, beat).replies).toEqual([]);
    expect(leader.receive(3, beat).replies).toMatchObject([{ kind: "readIndex", index: 1 }]);
  });
});
