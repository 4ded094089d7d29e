import { describe, expect, it } from "vitest";
import { arrangeLeader, type DrivenNode } from "../../test/support/driven-node.js";
import {
  appendAnswer,
  conflict,
  id,
  logId,
  matched,
  type Position,
} from "../../test/support/messages.js";

/** A leader of term 2 whose log is (1, 6), (1, 7) and its noop; peer 2 lacks what is purged. */
function arrangeSending(): DrivenNode {
  const leader = arrangeLeader({ base: [1, 5], log: [1, 1] });
  const effects = leader.receive(2, appendAnswer({ term: 2, result: conflict(3) }));
  expect(effects.snapshots).toEqual([{ kind: "send", peer: id(2) }]);
  return leader;
}

function sent(leader: DrivenNode, label: Position | undefined) {
  const lastIncluded = label === undefined ? undefined : logId(label);
  return leader.step({ kind: "snapshotSent", peer: id(2), lastIncluded });
}

/** An answer to the newest heartbeat, which stands at the base. */
function answerHeartbeat(leader: DrivenNode, afterMs: number) {
  leader.tick(afterMs);
  return leader.receive(2, appendAnswer({ term: 2, round: 2, result: conflict(3) }));
}

describe("onSnapshotSent", () => {
  it.each([
    { name: "behind the label", label: [1, 6] as Position, prev: [1, 6] as Position },
    {
      name: "behind the base, which has moved on",
      label: [1, 3] as Position,
      prev: [1, 5] as Position,
    },
  ])("probes $name", ({ label, prev }) => {
    const leader = arrangeSending();
    expect(sent(leader, label).send).toMatchObject([
      { to: 2, message: { prev: logId(prev), entries: range(prev[1] + 1, 8) } },
    ]);
    expect(leader.status.peers[0]).toMatchObject({ state: "probe", nextIndex: prev[1] + 1 });
  });

  it("sends another when the peer still lacks what is purged (scenario 45)", () => {
    const leader = arrangeSending();
    sent(leader, [1, 3]);
    const answer = appendAnswer({ term: 2, result: conflict(4) });
    expect(leader.receive(2, answer).snapshots).toEqual([{ kind: "send", peer: id(2) }]);
    expect(leader.receive(2, answer).snapshots).toEqual([]);
  });

  it("begins a failed one again, an election timeout later and when the peer answers", () => {
    const leader = arrangeSending();
    expect(sent(leader, undefined)).toMatchObject({ send: [], snapshots: [] });
    for (const afterMs of [1, 400, 400]) {
      expect(answerHeartbeat(leader, afterMs).snapshots).toEqual([]);
    }
    expect(leader.propose("a").snapshots).toEqual([]);
    expect(answerHeartbeat(leader, 200).snapshots).toEqual([{ kind: "send", peer: id(2) }]);
    expect(answerHeartbeat(leader, 900).snapshots).toEqual([]); // one at a time
  });

  it("leaves a peer alone that does not answer", () => {
    const leader = arrangeSending();
    sent(leader, undefined);
    leader.step({ kind: "unreachable", peer: id(2) });
    for (let beat = 0; beat < 20; beat++) {
      leader.receive(3, appendAnswer({ term: 2, result: matched([2, 8]) }));
      expect(leader.tick(100).snapshots).toEqual([]);
    }
    expect(leader.status.peers[0]).toMatchObject({ state: "snapshot" });
  });

  it("goes on by appends when the peer has our base from elsewhere", () => {
    const leader = arrangeSending();
    const behind = appendAnswer({ term: 2, result: matched([1, 4]) });
    expect(leader.receive(2, behind).send).toEqual([]);
    expect(leader.status.peers[0]).toMatchObject({ state: "snapshot", matchIndex: 4 });
    const reached = appendAnswer({ term: 2, result: matched([1, 6]) });
    expect(leader.receive(2, reached).send).toMatchObject([
      { message: { prev: { index: 6 }, entries: [{ index: 7 }, { index: 8 }] } },
    ]);
    expect(sent(leader, undefined).send).toEqual([]);
  });

  it("ignores the end of what an earlier leadership began", () => {
    const leader = arrangeLeader({ base: [1, 5], log: [1, 1] });
    expect(sent(leader, [1, 5])).toMatchObject({ send: [], snapshots: [] });
    expect(leader.status.peers[0]).toMatchObject({ state: "probe", nextIndex: 8 });
  });
});

function range(first: number, last: number) {
  return Array.from({ length: last - first + 1 }, (_, offset) => ({ index: first + offset }));
}
