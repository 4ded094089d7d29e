import { describe, expect, it } from "vitest";
import { arrangeLeader } from "../../test/support/driven-node.js";
import {
  appendAnswer,
  conflict,
  entries,
  inTerm,
  matched,
  noop,
} from "../../test/support/messages.js";

describe("onAppendEntriesResponse", () => {
  it("takes no refusal of an older request for an answer to a round of this term (R4)", () => {
    // 1. The leader of term 1 sends round 1; it is held up on the way. 2. It steps down, stands
    // again, wins term 2 with that peer's vote. 3. The old request arrives and is refused with
    // term 2, echoing round 1. 4. Round 1 of term 2 must not pass for answered.
    const leader = arrangeLeader({ voters: [1, 2, 3], term: 1 });
    leader.receive(2, appendAnswer({ term: 2, result: matched([2, 1]), round: undefined }));
    leader.step({ kind: "applied", upTo: leader.node.commitIndex });
    leader.read();
    const stale = appendAnswer({ term: 2, result: { kind: "higherTerm" }, round: 2 });
    expect(leader.receive(3, stale).replies).toEqual([]);
    expect(leader.node.leaseHolds(leader.nowMs)).toBe(false);
    const fresh = appendAnswer({ term: 2, result: matched([2, 1]), round: 2 });
    expect(leader.receive(3, fresh).replies).toHaveLength(1);
    expect(leader.node.leaseHolds(leader.nowMs)).toBe(true);
  });

  it("counts no refusal of an older request as hearing the peer (scenario 7)", () => {
    const leader = arrangeLeader({ voters: [1, 2, 3], term: 1 });
    leader.nowMs += 900;
    leader.receive(2, appendAnswer({ term: 2, result: { kind: "higherTerm" } }));
    leader.tick(200);
    expect(leader.status.role).toBe("follower");
  });

  it("probes once when the same refusal arrives twice", () => {
    const leader = arrangeLeader({ voters: [1, 2, 3], log: [1, 1, 1, 1, 1, 1, 1, 1] });
    const refusal = appendAnswer({ term: 2, result: conflict(4) });
    const first = leader.receive(2, refusal);
    expect(first.send.map((e) => e.message)).toMatchObject([{ prev: { term: 1, index: 3 } }]);
    expect(leader.receive(2, refusal).send).toEqual([]);
    expect(leader.status.peers[0]).toMatchObject({ state: "probe", nextIndex: 4 });
  });

  it("ignores a refusal that an earlier acknowledgement disproves (scenario 17)", () => {
    const leader = arrangeLeader({ voters: [1, 2, 3], log: [1, 1, 1, 1] });
    leader.receive(2, appendAnswer({ term: 2, result: matched([2, 5]) }));
    leader.propose("a");
    const before = leader.status.peers[0];
    expect(leader.receive(2, appendAnswer({ term: 2, result: conflict(3) })).send).toEqual([]);
    expect(leader.status.peers[0]).toEqual(before);
  });

  it("does not answer a peer that lost its log with one request after the other (scenario 35)", () => {
    // It vouched for 5 entries and now claims to have none: replication cannot repair that.
    const leader = arrangeLeader({ voters: [1, 2, 3], log: [1, 1, 1, 1] });
    leader.receive(2, appendAnswer({ term: 2, result: matched([2, 5]) }));
    const wiped = appendAnswer({ term: 2, result: conflict(1), round: 2 });
    for (let answers = 0; answers < 3; answers++) {
      expect(leader.receive(2, wiped).send).toEqual([]);
    }
  });

  it("goes back to probing when a request in flight was lost", () => {
    const leader = arrangeLeader({ voters: [1, 2, 3], log: [1] });
    leader.receive(2, appendAnswer({ term: 2, result: matched([2, 2]) }));
    leader.propose("a");
    leader.propose("b");
    const answer = leader.receive(2, appendAnswer({ term: 2, result: conflict(3), round: 2 }));
    expect(answer.send).toMatchObject([
      { message: { prev: { term: 2, index: 2 }, entries: [{ index: 3 }, { index: 4 }] } },
    ]);
    expect(leader.status.peers[0]).toMatchObject({ state: "probe", matchIndex: 2, nextIndex: 3 });
  });

  it("sends no window again for answers to what was in flight at a refusal (L4)", () => {
    const leader = arrangeLeader({ voters: [1, 2, 3], options: { appendEntriesMax: 1 } });
    leader.receive(2, appendAnswer({ term: 1, result: matched([1, 1]) }));
    const { send } = leader.propose("a", "b", "c");
    expect(send).toHaveLength(3);
    // "b" overtook "a"; then both came again, and neither is on the peer's disk yet.
    const refused = leader.receive(2, appendAnswer({ term: 1, result: conflict(2) }));
    expect(refused.send).toMatchObject([{ message: { prev: { index: 1 } } }]);
    const unwritten = appendAnswer({ term: 1, result: matched([1, 1]) });
    expect(leader.receive(2, unwritten).send).toEqual([]);
    expect(leader.status.peers[0]).toMatchObject({ state: "probe", nextIndex: 2 });
    // What the disk has since counts, whatever it answers.
    const written = appendAnswer({ term: 1, result: matched([1, 2]) });
    expect(leader.receive(2, written).send).toHaveLength(2);
  });

  it("sends the window again when a later round says where the logs agree", () => {
    const leader = arrangeLeader({ voters: [1, 2, 3], options: { appendEntriesMax: 1 } });
    leader.receive(2, appendAnswer({ term: 1, result: matched([1, 1]) }));
    leader.propose("a", "b");
    leader.receive(2, appendAnswer({ term: 1, result: conflict(2) }));
    leader.tick(300);
    const answer = appendAnswer({ term: 1, result: matched([1, 1]), round: 2 });
    expect(leader.receive(2, answer).send).toHaveLength(2);
  });

  it.each([
    {
      name: "the shorter log's end",
      ours: [1, 1, 1, 4, 4, 5, 5, 6, 6, 6],
      answer: conflict(5),
      next: 5,
    },
    {
      name: "behind our last entry of the peer's term",
      ours: [1, 1, 1, 4, 4, 5, 5, 6, 6, 6],
      answer: conflict(4, 4),
      next: 6,
    },
    {
      name: "the peer's first entry of a term that we do not have",
      ours: [1, 1, 1, 4, 4, 5, 5, 6, 6, 6],
      answer: conflict(4, 2),
      next: 4,
    },
    {
      name: "behind our last entry of an earlier term, when the peer's run begins later",
      ours: [1, 1, 1, 4, 4, 5, 5, 6, 6, 6],
      answer: conflict(9, 3),
      next: 4,
    },
  ])("looks next at $name (§5.3)", ({ ours, answer, next }) => {
    const leader = arrangeLeader({ voters: [1, 2, 3], log: ours, term: 7 });
    leader.receive(2, appendAnswer({ term: 8, result: answer }));
    expect(leader.status.peers[0]).toMatchObject({ state: "probe", nextIndex: next });
  });

  it("drops an acknowledgement of an entry that the leader does not have", () => {
    const leader = arrangeLeader({ voters: [1, 2, 3], log: [1, 1] });
    leader.receive(2, appendAnswer({ term: 2, result: matched([1, 3]) }));
    leader.receive(2, appendAnswer({ term: 2, result: matched([2, 9]) }));
    expect(leader.status).toMatchObject({ droppedMessages: 2, commitIndex: 0 });
    expect(leader.status.peers[0]).toMatchObject({ matchIndex: 0 });
  });

  it("never lets the match go back (scenario 17)", () => {
    const leader = arrangeLeader({ voters: [1, 2, 3], log: [1, 1] });
    leader.receive(2, appendAnswer({ term: 2, result: matched([2, 3]) }));
    leader.receive(2, appendAnswer({ term: 2, result: matched([1, 1]) }));
    expect(leader.status.peers[0]).toMatchObject({ matchIndex: 3, nextIndex: 4 });
  });

  it("counts an answer without a round for replication only (R4)", () => {
    const leader = arrangeLeader({ voters: [1, 2, 3] });
    const applied = leader.receive(
      2,
      appendAnswer({ term: 1, result: matched([1, 1]), round: undefined }),
    );
    expect(applied.apply).toEqual([noop([1, 1])]);
    leader.step({ kind: "applied", upTo: leader.node.commitIndex });
    expect(leader.node.leaseHolds(leader.nowMs)).toBe(false);
    leader.read();
    const second = appendAnswer({ term: 1, result: matched([1, 1]), round: undefined });
    expect(leader.receive(2, second).replies).toEqual([]);
  });

  it("steps down when it is answered from a later term (§5.1, R5)", () => {
    const leader = arrangeLeader({ voters: [1, 2, 3] });
    const effects = leader.receive(2, appendAnswer({ term: 9, result: { kind: "higherTerm" } }));
    expect(effects.hardState).toMatchObject({ term: 9, votedFor: undefined });
    expect(leader.status).toMatchObject({ role: "follower", term: inTerm(9) });
  });

  it("sends the next entries as soon as the window has room", () => {
    const options = { inflightMessagesMax: 1, appendEntriesMax: 2 };
    const leader = arrangeLeader({ voters: [1, 2, 3], options });
    leader.receive(2, appendAnswer({ term: 1, result: matched([1, 1]) }));
    expect(leader.propose("a", "b", "c").send).toHaveLength(1);
    const effects = leader.receive(2, appendAnswer({ term: 1, result: matched([1, 3]) }));
    expect(effects.send).toMatchObject([
      { message: { prev: { index: 3 }, entries: [{ index: 4 }] } },
    ]);
    expect(entries(4, [1])).toHaveLength(1);
  });
});
