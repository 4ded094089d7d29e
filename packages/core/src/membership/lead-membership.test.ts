import { describe, expect, it } from "vitest";
import { type Arranged, arrangeLeader, type DrivenNode } from "../../test/support/driven-node.js";
import {
  appendAnswer,
  at,
  change,
  changeEntry,
  inTerm,
  matched,
} from "../../test/support/messages.js";
import type { Effects } from "../effects.js";

function answer(leader: DrivenNode, from: number, index: number, round = 1): Effects {
  const { term } = leader.status;
  const position = [leader.node.termAt(at(index)) ?? term, index] as const;
  return leader.receive(from, appendAnswer({ term, round, result: matched(position) }));
}

/** A leader of term 1 whose noop is committed and known to every voter. */
function ready(arranged: Arranged): DrivenNode {
  const leader = arrangeLeader(arranged);
  for (const peer of arranged.voters!.slice(1)) answer(leader, peer, 1);
  return leader;
}

const payloads = ({ append }: Effects) =>
  append.map(({ payload }) => (payload.kind === "config" ? payload.change : payload.kind));

describe("leaving a joint configuration (R12)", () => {
  it("is proposed as soon as the joint entry is committed by both halves", () => {
    const leader = ready({ voters: [1, 2, 3, 4, 5] });
    leader.change(change.remove(2, 3));
    leader.persist();
    expect(payloads(answer(leader, 4, 2))).toEqual([]); // the new half; of the old one two of five
    const { append, configuration } = answer(leader, 2, 2);
    expect(append).toEqual([changeEntry([1, 3], change.leave)]);
    expect(configuration).toMatchObject({ logId: { index: 3 }, outgoingVoters: undefined });
  });

  it("is proposed by whoever finds itself leading one, after its noop", () => {
    const leader = arrangeLeader({ id: 4, voters: [1, 2, 3], outgoing: [1, 4, 5] });
    expect(leader.status.changeOutstanding).toBe(true);
    answer(leader, 1, 1);
    expect(payloads(leader.tick(10))).toEqual([]);
    expect(payloads(answer(leader, 5, 1))).toEqual([]);
    expect(payloads(answer(leader, 2, 1))).toEqual([change.leave]);
    expect(payloads(leader.tick(10))).toEqual([]); // once
  });

  it("waits for a transfer under way to end", () => {
    const leader = ready({ voters: [1, 2, 3, 4, 5] });
    leader.change(change.remove(2, 3));
    leader.persist();
    leader.step({ kind: "transfer", requestId: leader.nextRequest(), target: 4 as never });
    answer(leader, 2, 2);
    expect(payloads(answer(leader, 4, 2))).toEqual([]);
    leader.nowMs += 1000;
    for (const peer of [2, 4, 5]) answer(leader, peer, 2);
    expect(payloads(leader.tick())).toEqual([change.leave]);
  });
});

describe("a removed leader (R12, scenario 29)", () => {
  function removing(): DrivenNode {
    const leader = ready({ voters: [1, 2, 3, 4] });
    leader.change(change.remove(1));
    leader.persist();
    return leader;
  }

  it("commits its removal without itself, then tells the most caught-up voter to take over", () => {
    const leader = removing();
    leader.propose("a");
    answer(leader, 2, 2);
    answer(leader, 3, 3);
    expect(leader.status).toMatchObject({ role: "leader", commitIndex: 2 });
    expect(leader.propose("b").replies).toMatchObject([
      { refusal: { code: "LEADER_CHANGED", message: "leadership is being transferred to 3" } },
    ]);
  });

  it("sends TimeoutNow when the successor has everything, and stays up for it", () => {
    const leader = removing();
    answer(leader, 2, 2);
    expect(answer(leader, 3, 2).send).toContainEqual({
      to: 2,
      message: { kind: "timeoutNow", term: inTerm(1) },
    });
    expect(leader.status.role).toBe("leader");
  });

  it("passes over a voter that was not heard lately", () => {
    const leader = removing();
    answer(leader, 4, 2);
    leader.nowMs += 1001;
    answer(leader, 2, 1);
    const { send } = answer(leader, 3, 2);
    expect(send).toContainEqual({ to: 3, message: { kind: "timeoutNow", term: inTerm(1) } });
  });

  it("steps down an election timeout later, and answers nobody's request twice", () => {
    const leader = removing();
    for (const peer of [2, 3]) answer(leader, peer, 2);
    leader.nowMs += 999;
    for (const peer of [2, 3]) answer(leader, peer, 2);
    leader.tick();
    expect(leader.status.role).toBe("leader");
    expect(leader.tick(1)).toMatchObject({
      replies: [],
      roleChange: {
        role: "learner",
        reason: "is no member any more, and node 2 did not take over within 1000 ms",
      },
    });
  });

  it("serves no lease read from when it appends its removal: the last voter may be alone (R3)", () => {
    const leader = arrangeLeader({ voters: [1, 2] });
    answer(leader, 2, 1);
    leader.step({ kind: "applied", upTo: at(1) });
    expect(leader.node.leaseHolds(leader.nowMs)).toBe(true);
    leader.change(change.remove(1));
    expect(leader.node.leaseHolds(leader.nowMs)).toBe(false);
  });

  it("steps down when it hears no majority of the voters that stay (check-quorum)", () => {
    const leader = ready({ voters: [1, 2, 3] });
    leader.change(change.remove(1));
    leader.nowMs += 1001;
    answer(leader, 2, 1);
    leader.tick();
    expect(leader.status.role).toBe("follower"); // of 2 and 3 one alone; its removal is not committed
  });
});

describe("automatic promotion (R12)", () => {
  function promoted(voters: number[], learners: number[], caughtUp: Record<number, number>) {
    const leader = ready({ voters, learners, options: { promotionLagMax: 5 } });
    leader.propose("a", "b", "c", "d", "e", "f", "g");
    leader.persist();
    for (const [peer, index] of Object.entries(caughtUp)) answer(leader, Number(peer), index);
    return leader.tick(10);
  }

  it.each([
    { name: "one beside two voters", voters: [1, 2], learners: [3], caughtUp: { 3: 8 }, ids: [3] },
    {
      name: "two beside one",
      voters: [1],
      learners: [3, 4],
      caughtUp: { 3: 8, 4: 8 },
      ids: [3, 4],
    },
    { name: "none to make four", voters: [1, 2, 3], learners: [4], caughtUp: { 4: 8 }, ids: [] },
    {
      name: "the most caught-up one of two",
      voters: [1, 2],
      learners: [3, 4],
      caughtUp: { 3: 7, 4: 8 },
      ids: [4],
    },
    {
      name: "of equal ones the lowest id",
      voters: [1, 2],
      learners: [3, 4],
      caughtUp: { 4: 8, 3: 8 },
      ids: [3],
    },
    {
      name: "as many as make an odd number",
      voters: [1, 2],
      learners: [3, 4, 5, 6],
      caughtUp: { 3: 7, 4: 8, 5: 8, 6: 8 },
      ids: [4, 5, 6],
    },
    { name: "none that lags", voters: [1, 2], learners: [3], caughtUp: { 3: 2 }, ids: [] },
    { name: "none that is silent", voters: [1, 2], learners: [3], caughtUp: {}, ids: [] },
  ])("promotes $name", ({ voters, learners, caughtUp, ids }) => {
    const effects = promoted(voters, learners, caughtUp);
    const nodeIds = ids as never[];
    const expected = { kind: "batchPromote", nodeIds, status: "active" };
    expect(payloads(effects)).toEqual(ids.length === 0 ? [] : [expected]);
    expect(effects.replies).toEqual([]);
  });

  it("waits for the noop and for any change under way, and is an option", () => {
    const early = arrangeLeader({ voters: [1, 2], learners: [3] });
    answer(early, 3, 1);
    expect(payloads(early.tick(10))).toEqual([]);
    answer(early, 2, 1);
    early.change(change.add(4));
    expect(payloads(early.tick(10))).toEqual([]);
    early.persist();
    answer(early, 2, 2);
    expect(payloads(early.tick(10))).toEqual([]); // 3 does not know this configuration
    answer(early, 3, 2);
    expect(payloads(early.tick(10))).toHaveLength(1);

    const off = ready({ voters: [1, 2], learners: [3], options: { autoPromote: false } });
    answer(off, 3, 1);
    expect(payloads(off.tick(10))).toEqual([]);
  });

  it("never promotes a read-only learner (scenario 34)", () => {
    const leader = ready({ voters: [1, 2] });
    leader.change(change.add(3, "readOnly"));
    leader.persist();
    for (const peer of [2, 3]) answer(leader, peer, 2, 2);
    expect(leader.status).toMatchObject({ commitIndex: 2 });
    expect(payloads(leader.tick(10))).toEqual([]);
  });
});
