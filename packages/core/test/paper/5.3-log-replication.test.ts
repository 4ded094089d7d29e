import { describe, expect, it } from "vitest";
import { arrangeLeader, DrivenNode } from "../support/driven-node.js";
import {
  appendAnswer,
  appendEntries,
  at,
  batch,
  conflict,
  effects,
  entries,
  entry,
  id,
  matched,
  noop,
  type Position,
} from "../support/messages.js";

describe("§5.3 log replication", () => {
  it("a leader appends a command as a new entry and sends it to the others in parallel", () => {
    const leader = arrangeLeader({ voters: [1, 2, 3] });
    for (const peer of [2, 3]) {
      leader.receive(peer, appendAnswer({ term: 1, result: matched([1, 1]) }));
    }
    const step = leader.propose("x");
    const added = [entry([1, 2], "x")];
    const message = appendEntries({ term: 1, from: 1, prev: [1, 1], entries: added, commit: 1 });
    expect(step.append).toEqual(added);
    expect(step.send).toEqual([
      { to: id(2), message },
      { to: id(3), message },
    ]);
  });

  it("an entry is committed once the leader has it on a majority, and is then applied", () => {
    const leader = arrangeLeader({ voters: [1, 2, 3, 4, 5] });
    leader.receive(2, appendAnswer({ term: 1, result: matched([1, 1]) }));
    expect(leader.status.commitIndex).toBe(0);
    expect(leader.receive(3, appendAnswer({ term: 1, result: matched([1, 1]) })).apply).toEqual([
      noop([1, 1]),
    ]);
  });

  it("committing commits all preceding entries too, those of previous leaders included", () => {
    const leader = arrangeLeader({ voters: [1, 2, 3], log: [1, 2] });
    expect(leader.receive(2, appendAnswer({ term: 3, result: matched([3, 3]) })).apply).toEqual([
      ...entries(1, [1, 2]),
      noop([3, 3]),
    ]);
  });

  it("the leader tells of its highest committed index in later requests", () => {
    const leader = arrangeLeader({ voters: [1, 2, 3] });
    leader.receive(2, appendAnswer({ term: 1, result: matched([1, 1]) }));
    expect(leader.tick(100).send[0]).toMatchObject({ message: { leaderCommit: 1 } });
  });

  it("a follower applies an entry once it learns that it is committed, in log order", () => {
    const follower = new DrivenNode({ voters: [1, 2, 3], log: [1, 1, 1], term: 1 });
    const learn = appendEntries({ term: 1, from: 2, prev: [1, 3], commit: 2 });
    expect(follower.receive(2, learn).apply).toEqual(entries(1, [1, 1]));
    expect(follower.receive(2, learn).apply).toEqual([]);
  });

  it("a follower that lacks the preceding entry refuses the new ones", () => {
    const follower = new DrivenNode({ voters: [1, 2, 3], log: [1], term: 2 });
    const request = appendEntries({ term: 2, from: 2, prev: [1, 2], entries: [entry([2, 3])] });
    expect(follower.receive(2, request)).toMatchObject({
      append: [],
      sendAfterPersist: [],
      send: [{ to: 2, message: { result: conflict(2) } }],
    });
  });

  it.each<{ name: string; log: number[]; prev: Position; sent: number[]; append: number[] }>([
    { name: "extends its log", log: [1, 1], prev: [1, 2], sent: [3], append: [3] },
    { name: "replaces what conflicts", log: [1, 2, 2], prev: [1, 1], sent: [3, 3], append: [3, 3] },
    { name: "keeps what it has", log: [1, 1, 3], prev: [1, 1], sent: [1, 3], append: [] },
    { name: "skips what it has", log: [1, 1], prev: [0, 0], sent: [1, 1, 3], append: [3] },
    { name: "starts an empty log", log: [], prev: [0, 0], sent: [1, 3], append: [1, 3] },
  ])("a follower that has it $name", ({ log, prev, sent, append }) => {
    const follower = new DrivenNode({ voters: [1, 2, 3], log, term: 3 });
    const added = entries(prev[1] + 1, sent);
    const step = follower.receive(2, appendEntries({ term: 3, from: 2, prev, entries: added }));
    const kept = sent.length - append.length;
    expect(step.append).toEqual(added.slice(kept));
    const last = added.at(-1)!;
    const answer = appendAnswer({ term: 3, result: matched([last.term, last.index]) });
    const sendings = append.length > 0 ? step.sendAfterPersist : step.send;
    expect(sendings).toEqual([{ to: id(2), message: answer }]);
  });

  it("deletes nothing that merely follows the entries of a request", () => {
    const follower = new DrivenNode({ voters: [1, 2, 3], log: [1, 1, 1, 1], term: 1 });
    const old = appendEntries({ term: 1, from: 2, prev: [1, 1], entries: entries(2, [1]) });
    expect(follower.receive(2, old)).toEqual(
      effects({
        send: [{ to: id(2), message: appendAnswer({ term: 1, result: matched([1, 2]) }) }],
        roleChange: {
          role: "follower",
          term: old.term,
          leaderId: id(2),
          reason: "heard the leader 2 of term 1",
        },
      }),
    );
    expect(follower.status.last.index).toBe(4);
  });

  it("the leader retries below a refusal until the logs match", () => {
    const leader = arrangeLeader({ voters: [1, 2, 3], log: [1, 1, 2, 2] });
    const refused = leader.receive(2, appendAnswer({ term: 3, result: conflict(3, 1) }));
    expect(refused.send).toMatchObject([{ message: { prev: { term: 1, index: 2 } } }]);
    leader.receive(2, appendAnswer({ term: 3, result: matched([3, 5]) }));
    expect(leader.status.peers[0]).toMatchObject({ state: "replicate", matchIndex: 5 });
  });

  it("the leader retries for ever, also after it has answered the client", () => {
    const leader = arrangeLeader({ voters: [1, 2, 3] });
    leader.receive(2, appendAnswer({ term: 1, result: matched([1, 1]) }));
    for (let round = 2; round < 50; round++) {
      leader.tick(100);
      leader.receive(2, appendAnswer({ term: 1, round, result: matched([1, 1]) }));
    }
    const late = leader.receive(3, appendAnswer({ term: 1, round: 49, result: matched([0, 0]) }));
    expect(late.send).toMatchObject([{ to: 3, message: { entries: [{ index: 1 }] } }]);
  });

  const ours = [1, 1, 1, 4, 4, 5, 5, 6, 6, 6];

  it.each([
    { name: "a", log: [1, 1, 1, 4, 4, 5, 5, 6, 6] },
    { name: "b", log: [1, 1, 1, 4] },
    { name: "c", log: [1, 1, 1, 4, 4, 5, 5, 6, 6, 6, 6] },
    { name: "d", log: [1, 1, 1, 4, 4, 5, 5, 6, 6, 6, 7, 7] },
    { name: "e", log: [1, 1, 1, 4, 4, 4, 4] },
    { name: "f", log: [1, 1, 1, 2, 2, 2, 3, 3, 3, 3, 3] },
    { name: "500 entries in each of two other terms", log: runs([1, 3], [2, 500], [3, 500]) },
    { name: "500 entries too many", log: runs([1, 3], [4, 2], [4, 500]) },
  ])("figure 7 ($name): the logs converge in O(terms) round trips (scenario 2)", ({ log }) => {
    expect(roundTrips(ours, log)).toBeLessThanOrEqual(new Set([...ours, ...log]).size + 1);
  });

  it("1000 missing entries cost two round trips, not 1000 (scenario 2)", () => {
    expect(roundTrips(runs([1, 1], [4, 1000]), [1])).toBeLessThanOrEqual(2);
  });
});

function runs(...counts: readonly (readonly [term: number, count: number])[]): number[] {
  return counts.flatMap(([term, count]) => new Array<number>(count).fill(term));
}

/** How many answers of the follower it takes until its log is the leader's. */
function roundTrips(ours: number[], theirs: number[]): number {
  const leader = arrangeLeader({ voters: [1, 2, 3], log: ours, term: 7 });
  const follower = new DrivenNode({ id: 2, voters: [1, 2, 3], log: theirs, term: 8 });
  // What opened the leadership is lost; the first heartbeat begins the search.
  let message = leader.tick(100).send.find((envelope) => envelope.to === 2)?.message;
  for (let trips = 1; message !== undefined; trips++) {
    const step = follower.receive(1, message);
    const answer = step.send[0] ?? step.sendAfterPersist[0]!;
    if (step.append.length > 0) follower.step({ kind: "persisted", batch: batch(step.batch) });
    message = leader.receive(2, answer.message).send.find((envelope) => envelope.to === 2)?.message;
    if (leader.status.peers[0]!.matchIndex === leader.node.lastIndex) {
      expect(follower.status.last).toEqual(leader.status.last);
      expect(follower.node.termAt(at(ours.length))).toBe(ours.at(-1));
      return trips;
    }
  }
  throw new Error("the leader gave up");
}
