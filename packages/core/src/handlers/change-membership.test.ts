import { describe, expect, it } from "vitest";
import { arrangeLeader, DrivenNode } from "../../test/support/driven-node.js";
import {
  appendAnswer,
  change,
  changeEntry,
  id,
  inTerm,
  matched,
} from "../../test/support/messages.js";
import type { Effects } from "../effects.js";

function answer(leader: DrivenNode, from: number, index: number, round = 1): Effects {
  return leader.receive(from, appendAnswer({ term: 1, round, result: matched([1, index]) }));
}

/** Leader 1 of voters 1 to 3 and learners 4 to 6, its noop committed; all but 6 have answered. */
function ready(options = {}): DrivenNode {
  const leader = arrangeLeader({
    voters: [1, 2, 3],
    learners: [4, 5, 6],
    options: { autoPromote: false, ...options },
  });
  for (const peer of [2, 3, 4, 5]) answer(leader, peer, 1);
  return leader;
}

const refusal = (effects: Effects) => {
  const [reply] = effects.replies;
  return reply?.kind === "refused" ? reply.refusal : undefined;
};

describe("onChangeMembership", () => {
  it("appends the change, which is in effect at once, and answers with its place", () => {
    const leader = ready();
    const effects = leader.change(change.promote(4));
    expect(effects.append).toEqual([changeEntry([1, 2], change.promote(4))]);
    expect(effects.replies).toEqual([
      { kind: "proposed", requestId: 1, term: inTerm(1), first: 2 },
    ]);
    expect(effects.send.map((envelope) => envelope.to)).toEqual([2, 3, 4, 5]);
    expect(leader.status).toMatchObject({ changeOutstanding: true });
    expect(leader.status.uncommittedBytes).toBeGreaterThan(0);
    leader.persist();
    answer(leader, 2, 2);
    expect(leader.status.commitIndex).toBe(1); // two of four
    answer(leader, 4, 2);
    expect(leader.status).toMatchObject({ commitIndex: 2, changeOutstanding: false });
    expect(leader.status.uncommittedBytes).toBe(0);
  });

  it("is for the leader alone", () => {
    expect(refusal(new DrivenNode().change(change.add(4)))).toMatchObject({ code: "NOT_LEADER" });
  });

  it("waits while leadership is handed over", () => {
    const leader = ready();
    leader.step({ kind: "transfer", requestId: leader.nextRequest(), target: id(2) });
    expect(refusal(leader.change(change.add(7)))).toMatchObject({
      code: "LEADER_CHANGED",
      message: "leadership is being transferred to 2",
    });
  });

  it("changes nothing before the noop is committed (scenario 25)", () => {
    const leader = arrangeLeader();
    expect(refusal(leader.change(change.remove(3)))).toMatchObject({
      code: "CLUSTER_UNAVAILABLE",
      message: "entry 1, with which it began to lead, is not committed yet",
    });
    answer(leader, 2, 1);
    expect(refusal(leader.change(change.remove(3)))).toBeUndefined();
  });

  it("takes one change at a time, until it is committed (I8)", () => {
    const leader = ready();
    leader.change(change.add(7));
    expect(refusal(leader.change(change.add(8)))).toMatchObject({
      code: "CHANGE_IN_PROGRESS",
      message: "the change at index 2 is not committed yet",
    });
    leader.persist();
    answer(leader, 2, 2);
    expect(refusal(leader.change(change.add(8)))).toBeUndefined();
  });

  it("takes none before a joint change is left, and the leave committed (R12)", () => {
    const leader = ready();
    leader.change(change.promote(4, 5));
    const code = "CHANGE_IN_PROGRESS";
    const text =
      "the change of voters from 1, 2, 3 to 1, 2, 3, 4, 5 at index 2 is not completed yet";
    expect(refusal(leader.change(change.add(8)))).toMatchObject({ code, message: text });
    leader.persist();
    for (const peer of [2, 3]) answer(leader, peer, 2); // joint committed, leave appended
    expect(leader.status.configuration).toMatchObject({
      logId: { index: 3 },
      outgoingVoters: undefined,
    });
    expect(refusal(leader.change(change.add(8)))).toMatchObject({ code });
    leader.persist();
    for (const peer of [2, 3]) answer(leader, peer, 3);
    expect(refusal(leader.change(change.add(8)))).toBeUndefined();
  });

  it("is for the members that the caller has seen", () => {
    const leader = ready();
    expect(refusal(leader.change(change.add(7), 4))).toMatchObject({
      code: "VERSION_CONFLICT",
      message: "the members are of version 0, the change is for 4",
    });
    expect(refusal(leader.change(change.add(7), 0))).toBeUndefined();
    leader.persist();
    answer(leader, 2, 2);
    expect(refusal(leader.change(change.add(8), 0))).toMatchObject({ code: "VERSION_CONFLICT" });
    expect(refusal(leader.change(change.add(8), 2))).toBeUndefined();
  });

  it.each([
    { name: "a leave, which the leader proposes itself", asked: change.leave, says: /its leader/ },
    { name: "what makes no sense", asked: change.remove(9), says: /9 is not a member/ },
  ])("refuses $name", ({ asked, says }) => {
    const refused = refusal(ready().change(asked));
    expect(refused?.code).toBe("INVALID_REQUEST");
    expect(refused?.message).toMatch(says);
  });

  it("promotes no learner that never answered, however short the log (scenario 31)", () => {
    expect(refusal(ready().change(change.promote(4, 6)))).toMatchObject({
      code: "LEARNER_NOT_READY",
      message: "node 6 has not answered yet",
    });
  });

  it("promotes no learner whose log may end before its own admission (I4)", () => {
    const leader = ready();
    leader.change(change.add(7));
    leader.persist();
    answer(leader, 2, 2);
    answer(leader, 7, 1, 2);
    expect(refusal(leader.change(change.promote(7)))).toMatchObject({
      code: "LEARNER_NOT_READY",
      message: "node 7 does not have the configuration of entry 2",
    });
    answer(leader, 7, 2, 2);
    expect(refusal(leader.change(change.promote(7)))).toBeUndefined();
  });

  it("promotes no learner that lags, and the same one when it has caught up", () => {
    const leader = ready({ promotionLagMax: 2 });
    leader.propose("a", "b", "c");
    expect(refusal(leader.change(change.promote(4)))).toMatchObject({
      code: "LEARNER_NOT_READY",
      message: "node 4 lacks 3 entries, allowed are 2 (promotionLagMax)",
    });
    answer(leader, 4, 2);
    expect(refusal(leader.change(change.promote(4)))).toBeUndefined();
  });

  it("promotes no learner that is silent", () => {
    const leader = ready();
    leader.nowMs += 1001;
    answer(leader, 2, 1, 2);
    expect(refusal(leader.change(change.promote(4)))).toMatchObject({
      code: "LEARNER_NOT_READY",
      message: "node 4 has not answered for 1001 ms",
    });
  });

  it("keeps a majority of answering voters (scenario 30)", () => {
    const leader = ready();
    leader.nowMs += 1001;
    answer(leader, 2, 1, 2);
    expect(refusal(leader.change(change.remove(2)))).toMatchObject({
      code: "QUORUM_AT_RISK",
      message: "of the voters after it (1, 3), 3 did not answer within 1000 ms",
    });
    expect(refusal(leader.change(change.remove(3)))).toBeUndefined();
  });

  it("keeps a majority of both halves of a joint change (R5)", () => {
    const leader = arrangeLeader({ voters: [1, 2, 3, 4, 5] });
    for (const peer of [2, 3]) answer(leader, peer, 1);
    leader.nowMs += 1001;
    for (const peer of [2, 3]) answer(leader, peer, 1, 2);
    // Of 1, 4, 5 only 1 answers; of all five a majority does.
    expect(refusal(leader.change(change.remove(2, 3)))).toMatchObject({ code: "QUORUM_AT_RISK" });
    expect(refusal(leader.change(change.remove(4, 5)))).toBeUndefined();
  });

  it("does not count a leader that removes itself among those that answer", () => {
    const leader = ready();
    leader.nowMs += 1001;
    answer(leader, 2, 1, 2);
    expect(refusal(leader.change(change.remove(1)))).toMatchObject({
      code: "QUORUM_AT_RISK",
      message: "of the voters after it (2, 3), 3 did not answer within 1000 ms",
    });
  });
});
