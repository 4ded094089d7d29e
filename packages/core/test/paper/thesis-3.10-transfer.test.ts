import { describe, expect, it } from "vitest";
import { arrangeLeader, DrivenNode } from "../support/driven-node.js";
import {
  appendAnswer,
  appendEntries,
  effects,
  entry,
  id,
  inTerm,
  matched,
  requestVote,
} from "../support/messages.js";

function transfer(leader: DrivenNode, target: number) {
  const requestId = leader.nextRequest();
  return leader.step({ kind: "transfer", requestId, target: id(target) });
}

describe("thesis §3.10 leadership transfer", () => {
  it("1: the prior leader stops accepting new client requests", () => {
    const leader = arrangeLeader({ voters: [1, 2, 3] });
    transfer(leader, 2);
    expect(leader.propose("x").replies).toMatchObject([{ refusal: { code: "LEADER_CHANGED" } }]);
  });

  it("2: it brings the target's log up to its own by normal replication", () => {
    const leader = arrangeLeader({ voters: [1, 2, 3] });
    leader.propose("x");
    expect(transfer(leader, 2).send).toEqual([]);
    const step = leader.receive(2, appendAnswer({ term: 1, result: matched([1, 1]) }));
    expect(step.send).toMatchObject([{ message: { entries: [entry([1, 2], "x")] } }]);
  });

  it("3: then it sends TimeoutNow, once", () => {
    const leader = arrangeLeader({ voters: [1, 2, 3] });
    transfer(leader, 2);
    const caughtUp = appendAnswer({ term: 1, result: matched([1, 1]) });
    expect(leader.receive(2, caughtUp).send).toEqual([
      { to: 2, message: { kind: "timeoutNow", term: inTerm(1) } },
    ]);
    expect(leader.receive(2, caughtUp).send).toEqual([]);
  });

  it("TimeoutNow makes the target start an election at once: new term, its own vote", () => {
    const target = new DrivenNode({ id: 2, voters: [1, 2, 3], term: 1 });
    target.receive(1, appendEntries({ term: 1, from: 1 }));
    const step = target.receive(1, { kind: "timeoutNow", term: inTerm(1) });
    expect(step).toEqual(
      effects({
        batch: step.batch,
        hardState: { term: inTerm(2), votedFor: id(2), minElectionTimeoutMs: 1000 },
        sendAfterPersist: [1, 3].map((to) => ({
          to: id(to),
          message: requestVote(2, [0, 0], true),
        })),
        roleChange: {
          role: "candidate",
          term: inTerm(2),
          leaderId: undefined,
          reason: "asked to take over",
        },
      }),
    );
  });

  it("if the transfer does not complete within an election timeout, the leader aborts it", () => {
    const leader = arrangeLeader({ voters: [1] });
    expect(leader.status.role).toBe("leader");
    const cluster = arrangeLeader({ voters: [1, 2, 3] });
    transfer(cluster, 3);
    cluster.tick(999);
    cluster.receive(2, appendAnswer({ term: 1, result: matched([1, 1]) }));
    expect(cluster.tick(1).replies).toMatchObject([{ kind: "refused", requestId: 1 }]);
    expect(cluster.propose("x").replies).toMatchObject([{ kind: "proposed" }]);
  });
});
