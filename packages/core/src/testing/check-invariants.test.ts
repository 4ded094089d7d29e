import { describe, expect, it } from "vitest";
import { arrangeLeader } from "../../test/support/driven-node.js";
import { appendAnswer, at, id, inTerm, logId, matched } from "../../test/support/messages.js";
import type { RaftStatus } from "../status.js";
import { checkInvariants } from "./check-invariants.js";

/** A leader of term 2 with entries up to 5, of which 4 are committed and 3 applied. */
function healthy(): RaftStatus {
  const leader = arrangeLeader({ voters: [1, 2, 3], log: [1, 1, 1] });
  leader.receive(2, appendAnswer({ term: 2, result: matched([2, 4]) }));
  leader.propose("a");
  leader.step({ kind: "applied", upTo: at(3) });
  return leader.status;
}

describe("checkInvariants", () => {
  it("passes a healthy node, the same again, and one that moved on", () => {
    const status = healthy();
    checkInvariants(status, undefined);
    checkInvariants(status, status);
    checkInvariants({ ...status, term: inTerm(3), role: "follower", leaderId: id(2) }, status);
  });

  it.each<{ broken: string; change: Partial<RaftStatus> }>([
    { broken: "I9", change: { appliedIndex: at(5) } },
    { broken: "I9", change: { commitIndex: at(6) } },
    { broken: "I9", change: { base: logId([1, 4]) } },
    { broken: "I9", change: { durableIndex: at(6) } },
    { broken: "I9", change: { last: logId([3, 5]) } },
    { broken: "I1", change: { leaderId: id(2) } },
    { broken: "I1", change: { votedFor: id(2) } },
    { broken: "I1", change: { role: "follower" } },
    { broken: "I2", change: { peers: [{ ...healthy().peers[0]!, matchIndex: at(6) }] } },
    { broken: "I2", change: { peers: [{ ...healthy().peers[0]!, nextIndex: at(7) }] } },
  ])("says $broken to $change", ({ broken, change }) => {
    expect(() => checkInvariants({ ...healthy(), ...change }, undefined)).toThrow(broken);
  });

  it.each<{ broken: string; change: Partial<RaftStatus> }>([
    { broken: "I6: term", change: { term: inTerm(1), last: logId([1, 5]) } },
    { broken: "I6: commitIndex", change: { commitIndex: at(3) } },
    { broken: "I6: appliedIndex", change: { appliedIndex: at(2) } },
    { broken: "I6: node 1 votes", change: { votedFor: id(2), role: "follower", leaderId: id(2) } },
    { broken: "I1: node 1 follows 2", change: { role: "follower", leaderId: id(2) } },
    { broken: "I2: leader 1", change: { last: logId([2, 4]), peers: [] } },
    { broken: "I2: match", change: { peers: [{ ...healthy().peers[0]!, matchIndex: at(3) }] } },
  ])("says $broken when the next step shows $change", ({ broken, change }) => {
    const previous = healthy();
    expect(() => checkInvariants({ ...previous, ...change }, previous)).toThrow(broken);
  });
});
