import { describe, expect, it } from "vitest";
import { arrangeLeader, DrivenNode } from "../../test/support/driven-node.js";
import {
  appendAnswer,
  appendEntries,
  at,
  id,
  inTerm,
  logId,
  matched,
  requestVote,
} from "../../test/support/messages.js";

/** A leader of term 1 that node 2 has caught up with. */
function leaderWithReadyTarget(): DrivenNode {
  const leader = arrangeLeader({ voters: [1, 2, 3] });
  leader.receive(2, appendAnswer({ term: 1, result: matched([1, 1]) }));
  leader.step({ kind: "applied", upTo: at(1) });
  return leader;
}

function transfer(leader: DrivenNode, target: number) {
  const requestId = leader.nextRequest();
  return leader.step({ kind: "transfer", requestId, target: id(target) });
}

describe("onTransfer", () => {
  it("tells a target that holds the whole log to campaign at once (thesis §3.10)", () => {
    const leader = leaderWithReadyTarget();
    expect(transfer(leader, 2).send).toEqual([
      { to: 2, message: { kind: "timeoutNow", term: inTerm(1) } },
    ]);
  });

  it("brings a lagging target up to date first (scenario 14)", () => {
    const leader = leaderWithReadyTarget();
    leader.propose("a");
    expect(transfer(leader, 2).send).toEqual([]);
    const caughtUp = leader.receive(2, appendAnswer({ term: 1, result: matched([1, 2]) }));
    expect(caughtUp.send).toContainEqual({
      to: 2,
      message: { kind: "timeoutNow", term: inTerm(1) },
    });
  });

  it("takes no proposal meanwhile, and takes them again after the time-out (scenario 14)", () => {
    const leader = leaderWithReadyTarget();
    transfer(leader, 2);
    expect(leader.propose("a").replies).toMatchObject([
      { kind: "refused", refusal: { code: "LEADER_CHANGED" } },
    ]);
    leader.tick(500);
    leader.receive(2, appendAnswer({ term: 1, round: 2, result: matched([1, 1]) }));
    expect(leader.tick(500).replies).toMatchObject([
      { kind: "refused", requestId: 1, refusal: { code: "CLUSTER_UNAVAILABLE" } },
    ]);
    expect(leader.propose("b").replies).toMatchObject([{ kind: "proposed" }]);
  });

  it("gives the lease up for the rest of the term, even when the transfer fails (R2)", () => {
    const leader = leaderWithReadyTarget();
    expect(leader.node.leaseHolds(leader.nowMs)).toBe(true);
    transfer(leader, 2);
    expect(leader.node.leaseHolds(leader.nowMs)).toBe(false);
    leader.tick(900);
    leader.receive(2, appendAnswer({ term: 1, round: 2, result: matched([1, 1]) }));
    leader.tick(100); // the transfer has timed out
    leader.receive(2, appendAnswer({ term: 1, round: 3, result: matched([1, 1]) }));
    expect(leader.status.role).toBe("leader");
    expect(leader.node.leaseHolds(leader.nowMs)).toBe(false);
  });

  it("keeps the lease while it only waits for the target", () => {
    const leader = leaderWithReadyTarget();
    leader.propose("a");
    transfer(leader, 3);
    expect(leader.node.leaseHolds(leader.nowMs)).toBe(true);
  });

  it("answers when the target leads", () => {
    const leader = leaderWithReadyTarget();
    transfer(leader, 2);
    leader.receive(2, requestVote(2, [1, 1], true));
    expect(leader.status).toMatchObject({ role: "follower", term: 2, votedFor: 2 });
    const heard = leader.receive(2, appendEntries({ term: 2, from: 2, prev: [1, 1] }));
    expect(heard.replies).toEqual([{ kind: "transferred", requestId: 1, target: 2 }]);
  });

  it("says so when another node leads instead", () => {
    const leader = leaderWithReadyTarget();
    transfer(leader, 2);
    const heard = leader.receive(3, appendEntries({ term: 2, from: 3, prev: [1, 1] }));
    expect(heard.replies).toMatchObject([
      { kind: "refused", requestId: 1, refusal: { code: "LEADER_CHANGED" } },
    ]);
  });

  it.each([
    { name: "a follower", target: 2, code: "NOT_LEADER", leads: false },
    { name: "itself as target", target: 1, code: "INVALID_REQUEST", leads: true },
    { name: "a stranger as target", target: 9, code: "INVALID_REQUEST", leads: true },
    { name: "a learner as target", target: 4, code: "INVALID_REQUEST", leads: true },
  ])("refuses with $name", ({ target, code, leads }) => {
    const arranged = { voters: [1, 2, 3], learners: [4] };
    const node = leads ? arrangeLeader(arranged) : new DrivenNode(arranged);
    expect(transfer(node, target).replies).toMatchObject([{ kind: "refused", refusal: { code } }]);
  });

  it("refuses a second transfer while one is under way", () => {
    const leader = leaderWithReadyTarget();
    transfer(leader, 2);
    expect(transfer(leader, 3).replies).toMatchObject([
      { kind: "refused", requestId: 2, refusal: { code: "RATE_LIMITED" } },
    ]);
  });
});

describe("onTimeoutNow", () => {
  /** A follower of node 2 in term 3. */
  function follower(arranged = {}): DrivenNode {
    const node = new DrivenNode({ voters: [1, 2, 3], term: 3, ...arranged });
    node.receive(2, appendEntries({ term: 3, from: 2 }));
    return node;
  }

  it("campaigns at once without pre-vote, and lifts stickiness at the voters (R2)", () => {
    const node = follower();
    const effects = node.receive(2, { kind: "timeoutNow", term: inTerm(3) });
    expect(effects.send).toEqual([]);
    expect(effects.hardState).toMatchObject({ term: 4, votedFor: 1 });
    expect(effects.sendAfterPersist).toEqual([
      { to: 2, message: requestVote(4, [0, 0], true) },
      { to: 3, message: requestVote(4, [0, 0], true) },
    ]);
  });

  it.each([
    { name: "of an earlier term", from: 2, term: 2 },
    { name: "of a later term", from: 2, term: 4 },
    { name: "of a node that does not lead", from: 3, term: 3 },
  ])("ignores one $name (scenario 15)", ({ from, term }) => {
    const node = follower();
    const effects = node.receive(from, { kind: "timeoutNow", term: inTerm(term) });
    expect(effects).toMatchObject({ hardState: undefined, sendAfterPersist: [], send: [] });
    expect(node.status).toMatchObject({ role: "follower", term: 3 });
  });

  it("ignores one sent to a learner", () => {
    const node = follower({ voters: [2, 3], learners: [1] });
    node.receive(2, { kind: "timeoutNow", term: inTerm(3) });
    expect(node.status).toMatchObject({ role: "learner", term: 3, last: logId([0, 0]) });
  });
});
