import { describe, expect, it } from "vitest";
import { arrangeLeader, DrivenNode } from "../support/driven-node.js";
import { appendAnswer, appendEntries, at, inTerm, matched } from "../support/messages.js";

const answer = (round: number, index: number, promiseMs = 1000) =>
  appendAnswer({ term: 1, round, promiseMs, result: matched([1, index]) });

/** Leader of term 1; its noop is committed and applied. */
function readyLeader(options = {}): DrivenNode {
  const leader = arrangeLeader({ voters: [1, 2, 3], options });
  leader.receive(2, answer(1, 1));
  leader.step({ kind: "applied", upTo: at(1) });
  return leader;
}

describe("thesis §6.4 read-only queries", () => {
  it("1: a leader that has not committed an entry of its term waits until it has", () => {
    const leader = arrangeLeader({ voters: [1, 2, 3] });
    leader.read();
    leader.receive(2, answer(1, 1));
    expect(leader.receive(2, answer(2, 1)).replies).toMatchObject([{ index: 1 }]);
  });

  it("2: it saves its commit index as the read index", () => {
    const leader = readyLeader();
    leader.read();
    leader.propose("later");
    leader.persist();
    leader.receive(2, answer(1, 2));
    expect(leader.status.commitIndex).toBe(2);
    expect(leader.receive(2, answer(2, 2)).replies).toMatchObject([{ index: 1 }]);
  });

  it("3: it issues a new round of heartbeats and waits for a majority", () => {
    const leader = readyLeader();
    expect(leader.read().send).toMatchObject([
      { to: 2, message: { entries: [], round: 2 } },
      { to: 3, message: { entries: [], round: 2 } },
    ]);
    expect(leader.receive(3, answer(1, 1)).replies).toEqual([]);
    expect(leader.receive(3, answer(2, 1)).replies).toHaveLength(1);
  });

  it("one round serves any number of reads that have accumulated", () => {
    const leader = readyLeader();
    for (let reads = 0; reads < 10; reads++) leader.read();
    leader.receive(2, answer(2, 1));
    expect(leader.receive(2, answer(3, 1)).replies).toHaveLength(9);
  });

  it("followers ask the leader for a read index, and serve the read themselves", () => {
    const follower = new DrivenNode({ id: 3, voters: [1, 2, 3], term: 1 });
    follower.receive(1, appendEntries({ term: 1, from: 1 }));
    const asked = follower.read().send;
    expect(asked).toMatchObject([{ to: 1, message: { kind: "readIndex" } }]);
    const leader = readyLeader();
    leader.receive(3, asked[0]!.message);
    const sent = leader.receive(2, answer(2, 1)).send;
    const response = sent.find((envelope) => envelope.message.kind === "readIndexResponse")!;
    expect(follower.receive(1, response.message).replies).toMatchObject([{ index: 1 }]);
  });
});

describe("thesis §6.4.1 clocks instead of messages", () => {
  it("a lease counts from the send time of the round, not from its answers", () => {
    const leader = readyLeader();
    leader.tick(100);
    const sentMs = leader.nowMs;
    leader.nowMs += 500;
    leader.receive(2, answer(2, 1));
    expect(leader.node.leaseHolds(sentMs + 799)).toBe(true);
    expect(leader.node.leaseHolds(sentMs + 800)).toBe(false);
  });

  it("it lasts no longer than the shortest promise of the majority, less the drift (R3)", () => {
    const leader = readyLeader({ clockDriftMax: 0.1, leaseDurationMs: 800 });
    leader.tick(100);
    leader.receive(2, answer(2, 1, 500));
    expect(leader.node.leaseHolds(leader.nowMs + 449)).toBe(true);
    expect(leader.node.leaseHolds(leader.nowMs + 450)).toBe(false);
  });

  it("it holds only when all that is committed is applied", () => {
    const leader = readyLeader();
    leader.propose("x");
    leader.persist();
    leader.receive(2, answer(1, 2));
    expect(leader.node.leaseHolds(leader.nowMs)).toBe(false);
    leader.step({ kind: "applied", upTo: at(2) });
    expect(leader.node.leaseHolds(leader.nowMs)).toBe(true);
  });

  it("a new leader has none before its noop is committed, whoever has answered its rounds", () => {
    const leader = arrangeLeader({ voters: [1, 2, 3] });
    leader.tick(100);
    leader.receive(2, appendAnswer({ term: 1, round: 2, result: matched([0, 0]) }));
    expect(leader.node.leaseHolds(leader.nowMs)).toBe(false); // earlier commits may be missing
    leader.receive(2, answer(2, 1));
    leader.step({ kind: "applied", upTo: at(1) });
    expect(leader.node.leaseHolds(leader.nowMs)).toBe(true);
  });

  it("it ends with the leadership", () => {
    const leader = readyLeader();
    leader.receive(3, appendEntries({ term: 2, from: 3 }));
    expect(leader.node.leaseHolds(leader.nowMs)).toBe(false);
  });

  it("it is given up before leadership is transferred (R2)", () => {
    const leader = readyLeader();
    const requestId = leader.nextRequest();
    const step = leader.step({ kind: "transfer", requestId, target: 2 as never });
    expect(step.send).toEqual([{ to: 2, message: { kind: "timeoutNow", term: inTerm(1) } }]);
    expect(leader.node.leaseHolds(leader.nowMs)).toBe(false);
  });

  it("a clock jump voids it until a later round is answered", () => {
    const leader = readyLeader();
    leader.tick(100); // round 2
    leader.step({ kind: "clockJump" });
    leader.receive(2, answer(2, 1));
    expect(leader.node.leaseHolds(leader.nowMs)).toBe(false);
    leader.tick(100); // round 3
    leader.receive(2, answer(3, 1));
    expect(leader.node.leaseHolds(leader.nowMs)).toBe(true);
  });

  it("a lone voter needs nobody's leave", () => {
    const leader = arrangeLeader({ voters: [1] });
    expect(leader.node.leaseHolds(1e9)).toBe(false); // its noop is not applied yet
    leader.step({ kind: "applied", upTo: at(1) });
    expect(leader.node.leaseHolds(1e9)).toBe(true);
  });
});
