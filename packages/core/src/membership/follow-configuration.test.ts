import { describe, expect, it } from "vitest";
import {
  arrangeCandidate,
  arrangeLeader,
  configurationOf,
  DrivenNode,
} from "../../test/support/driven-node.js";
import {
  appendAnswer,
  appendEntries,
  change,
  changeEntry,
  conflict,
  logId,
  matched,
  noop,
  preVoteAnswer,
  requestVote,
  voteAnswer,
} from "../../test/support/messages.js";
import { InvariantViolation } from "../invariant.js";
import type { MembershipConfiguration } from "./configuration.js";

const snapshotOf = (node: DrivenNode, index: number, configuration: MembershipConfiguration) =>
  node.step({
    kind: "snapshotReceived",
    requestId: node.nextRequest(),
    lastIncluded: logId([1, index]),
    configuration,
  });

describe("a follower's configuration", () => {
  it("takes effect on append, before anything is committed (paper §6)", () => {
    const node = new DrivenNode({ id: 3, voters: [1, 2, 3] });
    const add = changeEntry([1, 1], change.add(4));
    const { configuration } = node.receive(1, appendEntries({ term: 1, from: 1, entries: [add] }));
    expect(configuration).toEqual({
      ...configurationOf({ voters: [1, 2, 3], learners: [4] }),
      logId: logId([1, 1]),
    });
    expect(node.status).toMatchObject({ changeOutstanding: true, commitIndex: 0 });
    expect(node.status.committedConfiguration.logId.index).toBe(0);
  });

  it("goes with the entry that a conflict truncates (scenarios 20, 27)", () => {
    const node = new DrivenNode({ id: 3, voters: [1, 2, 3] });
    const entries = [noop([1, 1]), changeEntry([1, 2], change.remove(1, 2))];
    node.receive(1, appendEntries({ term: 1, from: 1, entries }));
    expect(node.status.configuration.outgoingVoters).toEqual([1, 2, 3]);
    const next = appendEntries({ term: 2, from: 2, prev: [1, 1], entries: [noop([2, 2])] });
    expect(node.receive(2, next).configuration).toEqual(configurationOf({ voters: [1, 2, 3] }));
    expect(node.status.changeOutstanding).toBe(false);
  });

  it("is told once, and not at all when it stays the same", () => {
    const node = new DrivenNode({ id: 3, voters: [1, 2, 3] });
    const entries = [noop([1, 1])];
    const request = appendEntries({ term: 1, from: 1, entries });
    expect(node.receive(1, request).configuration).toBeUndefined();
    const two = [changeEntry([1, 2], change.add(4)), changeEntry([1, 3], change.remove(4))];
    const more = appendEntries({ term: 1, from: 1, prev: [1, 1], entries: two });
    expect(node.receive(1, more).configuration?.logId).toEqual(logId([1, 3]));
    expect(node.receive(1, more).configuration).toBeUndefined();
  });

  it.each([
    { name: "a change of an unknown member", impossible: change.remove(9) },
    { name: "a leave outside of a joint configuration", impossible: change.leave },
  ])("stops the node at $name (R12)", ({ impossible }) => {
    const node = new DrivenNode({ id: 3, voters: [1, 2, 3] });
    const entries = [changeEntry([1, 1], impossible)];
    expect(() => node.receive(1, appendEntries({ term: 1, from: 1, entries }))).toThrow(
      InvariantViolation,
    );
  });

  it("is read from the log at a start, with what is not committed", () => {
    const first = new DrivenNode({ id: 3, voters: [1, 2, 3] });
    expect(first.status.changeOutstanding).toBe(false);
    const bootJoint = new DrivenNode({ id: 3, voters: [1, 2, 3], outgoing: [3] });
    expect(bootJoint.status.changeOutstanding).toBe(true);
  });
});

describe("a node's role", () => {
  it("a learner that became a voter campaigns, after a full wait of its own", () => {
    const node = new DrivenNode({ id: 4, voters: [1, 2, 3], learners: [4] });
    node.tick(9000);
    const entries = [changeEntry([1, 1], change.promote(4))];
    const { roleChange } = node.receive(1, appendEntries({ term: 1, from: 1, entries }));
    expect(roleChange).toMatchObject({ role: "follower", reason: "became a voter", leaderId: 1 });
    node.tick(999);
    expect(node.status.role).toBe("follower");
    node.tick(1);
    expect(node.status.role).toBe("preCandidate");
  });

  it("a learner whose promotion is rolled back campaigns no more", () => {
    const node = new DrivenNode({ id: 4, voters: [1, 2, 3], learners: [4] });
    const entries = [changeEntry([1, 1], change.promote(4))];
    node.receive(1, appendEntries({ term: 1, from: 1, entries }));
    node.receive(2, appendEntries({ term: 2, from: 2, entries: [noop([2, 1])] }));
    node.tick(9000);
    expect(node.status).toMatchObject({ role: "learner", term: 2 });
  });

  it("a removed voter campaigns until its removal is committed, and then never (§4.2.2)", () => {
    const node = new DrivenNode({ id: 3, voters: [1, 2, 3] });
    const entries = [changeEntry([1, 1], change.remove(3))];
    node.receive(1, appendEntries({ term: 1, from: 1, entries }));
    expect(node.status.role).toBe("follower");
    const told = appendEntries({ term: 1, from: 1, prev: [1, 1], commit: 1 });
    expect(node.receive(1, told).roleChange).toMatchObject({ role: "learner" });
    node.tick(9000);
    expect(node.status.role).toBe("learner");
  });

  it("a removed voter does not count its own vote", () => {
    const node = new DrivenNode({ id: 3, voters: [1, 2, 3] });
    const entries = [changeEntry([1, 1], change.remove(3))];
    node.receive(1, appendEntries({ term: 1, from: 1, entries }));
    node.persist();
    node.tick(1000);
    node.receive(1, preVoteAnswer({ term: 1, campaignTerm: 2, granted: true }));
    expect(node.status.role).toBe("preCandidate");
    node.receive(2, preVoteAnswer({ term: 1, campaignTerm: 2, granted: true }));
    node.persist();
    node.receive(1, voteAnswer(2, true));
    expect(node.status.role).toBe("candidate");
    node.receive(2, voteAnswer(2, true));
    expect(node.status.role).toBe("leader");
  });

  it("a voter demoted by a snapshot while campaigning stops, and counts no vote (scenario 33)", () => {
    for (const campaigns of ["preCandidate", "candidate"]) {
      const node = campaigns === "candidate" ? arrangeCandidate() : new DrivenNode();
      if (campaigns === "preCandidate") node.tick(1000);
      expect(node.status.role).toBe(campaigns);
      const demoted = {
        ...configurationOf({ voters: [2, 3], learners: [1] }),
        logId: logId([1, 4]),
      };
      const { roleChange, configuration } = snapshotOf(node, 5, demoted);
      expect(roleChange).toMatchObject({ role: "learner", reason: "is no voter any more" });
      expect(configuration).toBe(demoted);
      node.receive(2, voteAnswer(1, true));
      node.receive(3, voteAnswer(1, true));
      node.tick(9000);
      expect(node.status.role).toBe("learner");
    }
  });

  it("a voter that stays one through a snapshot goes on campaigning", () => {
    const node = arrangeCandidate();
    const same = { ...configurationOf({ voters: [1, 2, 3] }), logId: logId([1, 4]) };
    snapshotOf(node, 5, same);
    expect(node.status.role).toBe("candidate");
  });

  it("a learner votes when it is asked to: it may be a voter by the asker's log (scenario 32)", () => {
    const node = new DrivenNode({ id: 4, voters: [1, 2, 3], learners: [4] });
    node.tick(1000);
    const { sendAfterPersist } = node.receive(1, requestVote(1, [0, 0]));
    expect(sendAfterPersist).toMatchObject([{ to: 1, message: { granted: true } }]);
    expect(node.status.role).toBe("learner");
  });
});

describe("a leader's peers", () => {
  function ready(voters = [1, 2, 3], learners: readonly number[] = []): DrivenNode {
    const leader = arrangeLeader({ voters, learners, options: { autoPromote: false } });
    for (const peer of voters.slice(1)) {
      leader.receive(peer, appendAnswer({ term: 1, result: matched([1, 1]) }));
    }
    return leader;
  }
  const peersOf = (leader: DrivenNode) => leader.status.peers.map((peer) => peer.id);
  const answer = (leader: DrivenNode, from: number, round: number, index: number) =>
    leader.receive(from, appendAnswer({ term: 1, round, result: matched([1, index]) }));

  it("one that joins is asked at once where its log stands", () => {
    const leader = ready();
    const { send, configuration } = leader.change(change.add(4));
    expect(configuration?.logId).toEqual(logId([1, 2]));
    expect(send).toContainEqual({
      to: 4,
      message: appendEntries({ term: 1, from: 1, prev: [1, 2], commit: 1, round: 2 }),
    });
    const refused = appendAnswer({ term: 1, round: 2, result: conflict(1) });
    expect(leader.receive(4, refused).send).toMatchObject([
      { to: 4, message: { prev: { index: 0 } } },
    ]);
  });

  it("one that is removed is sent to until it has answered that this is committed (R12)", () => {
    const leader = ready();
    leader.change(change.remove(3));
    leader.persist();
    expect(peersOf(leader)).toEqual([2, 3]);
    const { send } = answer(leader, 2, 1, 2); // committed: told in a round of its own
    expect(send).toMatchObject([
      { to: 2, message: { round: 2, leaderCommit: 2 } },
      { to: 3, message: { round: 2, leaderCommit: 2 } },
    ]);
    answer(leader, 3, 1, 2); // holds the entry, but answers what was sent before
    expect(peersOf(leader)).toEqual([2, 3]);
    answer(leader, 3, 2, 2);
    expect(peersOf(leader)).toEqual([2]);
  });

  it("one that does not answer is given up an election timeout after the commit (R12)", () => {
    const leader = ready();
    leader.change(change.remove(3));
    leader.persist();
    answer(leader, 2, 1, 2);
    leader.nowMs += 999;
    answer(leader, 2, 2, 2);
    leader.tick();
    expect(peersOf(leader)).toEqual([2, 3]);
    leader.tick(1);
    expect(peersOf(leader)).toEqual([2]);
  });

  it("one that left a joint configuration goes only when the leave is committed", () => {
    const leader = ready([1, 2, 3, 4, 5]);
    leader.change(change.remove(4, 5));
    leader.persist();
    expect(peersOf(leader)).toEqual([2, 3, 4, 5]);
    answer(leader, 2, 1, 2);
    answer(leader, 3, 1, 2); // joint committed; the leave is appended
    expect(leader.status.configuration.outgoingVoters).toBeUndefined();
    for (const round of [2, 3]) answer(leader, 4, round, 2);
    expect(peersOf(leader)).toContain(4);
    leader.persist();
    answer(leader, 2, 1, 3);
    answer(leader, 4, leader.tick(100).send.length > 0 ? 3 : 2, 3);
    expect(peersOf(leader)).toEqual([2, 3, 5]);
  });

  it("one that joins under the id of one just removed is known from nothing", () => {
    const leader = ready();
    leader.change(change.remove(3));
    leader.persist();
    answer(leader, 2, 1, 2);
    leader.change(change.add(3)); // round 3 begins with it
    expect(leader.status.peers.find((peer) => peer.id === 3)).toMatchObject({ matchIndex: 0 });
    answer(leader, 3, 2, 2); // what its namesake said
    expect(leader.status.peers.find((peer) => peer.id === 3)).toMatchObject({ matchIndex: 0 });
    answer(leader, 3, 3, 2);
    expect(leader.status.peers.find((peer) => peer.id === 3)).toMatchObject({ matchIndex: 2 });
  });

  it("counts nobody that is no voter, itself included (R12)", () => {
    const leader = ready([1, 2, 3, 4], [5]);
    leader.change(change.remove(1));
    leader.persist();
    answer(leader, 5, 1, 2);
    answer(leader, 2, 1, 2);
    expect(leader.status.commitIndex).toBe(1); // 1 and 2 of four; 2 alone of three
    answer(leader, 3, 1, 2);
    expect(leader.status.commitIndex).toBe(2);
  });
});
