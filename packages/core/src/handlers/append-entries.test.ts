import { describe, expect, it } from "vitest";
import { arrangeLeader, DrivenNode } from "../../test/support/driven-node.js";
import {
  appendAnswer,
  appendEntries,
  conflict,
  entries,
  entry,
  id,
  inTerm,
  matched,
  type Position,
} from "../../test/support/messages.js";
import { InvariantViolation } from "../invariant.js";

const followerOf = (arranged: object): DrivenNode =>
  new DrivenNode({ id: 1, voters: [1, 2, 3], ...arranged });

describe("onAppendEntries", () => {
  it.each([
    { name: "a gap", entries: [entry([3, 4])], prev: [1, 2] },
    { name: "entries out of order", entries: [entry([3, 4]), entry([3, 3])], prev: [1, 2] },
    { name: "a term that falls", entries: [entry([3, 3]), entry([2, 4])], prev: [1, 2] },
    { name: "an entry of a later term", entries: [entry([4, 3])], prev: [1, 2] },
    { name: "an entry of no term", entries: [entry([0, 1])], prev: [0, 0] },
    { name: "a previous entry of no term", entries: [], prev: [0, 2] },
    { name: "a term before the log", entries: [], prev: [3, 0] },
    { name: "a previous entry of a later term", entries: [], prev: [4, 2] },
  ] as const)("drops and counts a request with $name (scenario 78)", (request) => {
    const follower = followerOf({ log: [1, 1], term: 3, commit: 2 });
    const message = appendEntries({ term: 3, from: 2, ...request });
    expect(follower.receive(2, message)).toMatchObject({ send: [], sendAfterPersist: [] });
    expect(follower.status).toMatchObject({ droppedMessages: 1, leaderId: undefined });
  });

  it.each([
    { name: "in the name of another", message: appendEntries({ term: 3, from: 3 }) },
    { name: "of term 0", message: appendEntries({ term: 0, from: 2 }) },
  ])("drops a request $name", ({ message }) => {
    const follower = followerOf({ term: message.term });
    expect(follower.receive(2, message).send).toEqual([]);
    expect(follower.status).toMatchObject({ droppedMessages: 1, leaderId: undefined });
  });

  it("follows no second leader in one term (I1)", () => {
    const follower = followerOf({ term: 3 });
    follower.receive(2, appendEntries({ term: 3, from: 2 }));
    follower.receive(3, appendEntries({ term: 3, from: 3, entries: [entry([3, 1])] }));
    expect(follower.status).toMatchObject({ leaderId: 2, droppedMessages: 1, last: { index: 0 } });
  });

  it("takes nothing from another leader of its own term (I1)", () => {
    const leader = arrangeLeader({ voters: [1, 2, 3] });
    leader.receive(2, appendEntries({ term: 1, from: 2, prev: [1, 1] }));
    expect(leader.status).toMatchObject({ role: "leader", droppedMessages: 1 });
  });

  it("stops on a leader that contradicts a committed entry (I4)", () => {
    const previous = appendEntries({ term: 3, from: 2, prev: [2, 2] });
    const follower = followerOf({ log: [1, 1], term: 3, commit: 2 });
    expect(() => follower.receive(2, previous)).toThrow(InvariantViolation);
    const replacing = appendEntries({ term: 3, from: 2, prev: [1, 1], entries: [entry([2, 2])] });
    const other = followerOf({ log: [1, 1], term: 3, commit: 2 });
    expect(() => other.receive(2, replacing)).toThrow(/truncating at 2, committed to 2/);
  });

  it("commits no further than the request lets it verify (§5.3)", () => {
    const follower = followerOf({ log: [1, 1, 1], term: 2 });
    const message = appendEntries({ term: 2, from: 2, prev: [1, 1], commit: 3 });
    expect(follower.receive(2, message).apply).toEqual(entries(1, [1]));
  });

  it.each<{ name: string; log: number[]; prev: Position; hint: [number, number?] }>([
    { name: "the end of a shorter log", log: [1, 1], prev: [3, 9], hint: [3] },
    {
      name: "the conflicting term and its first index",
      log: [1, 2, 2, 2],
      prev: [3, 4],
      hint: [2, 2],
    },
  ])("hints at $name (§5.3)", ({ log, prev, hint }) => {
    const follower = followerOf({ log, term: 4 });
    expect(follower.receive(2, appendEntries({ term: 4, from: 2, prev })).send).toEqual([
      { to: id(2), message: appendAnswer({ term: 4, result: conflict(...hint) }) },
    ]);
  });

  it("hints at nothing that is committed", () => {
    const follower = followerOf({ log: [1, 1, 1, 1], term: 4, commit: 2 });
    const { send } = follower.receive(2, appendEntries({ term: 4, from: 2, prev: [3, 4] }));
    expect(send).toMatchObject([{ message: { result: conflict(3, 1) } }]);
  });

  it("acknowledges new entries only after their batch (I11)", () => {
    const follower = followerOf({ log: [1], term: 1 });
    const message = appendEntries({ term: 1, from: 2, prev: [1, 1], entries: [entry([1, 2])] });
    expect(follower.receive(2, message)).toMatchObject({
      send: [],
      append: [entry([1, 2])],
      sendAfterPersist: [{ to: 2, message: { result: matched([1, 2]) } }],
    });
  });

  it("answers an empty append at once with what is durable while a sync hangs (R6)", () => {
    const follower = followerOf({ log: [1], term: 1 });
    const first = appendEntries({ term: 1, from: 2, prev: [1, 1], entries: entries(2, [1, 1]) });
    follower.receive(2, first);
    const beat = appendEntries({ term: 1, from: 2, prev: [1, 3], round: 2 });
    expect(follower.receive(2, beat)).toMatchObject({
      send: [{ to: 2, message: { round: 2, result: matched([1, 1]) } }],
      sendAfterPersist: [],
    });
    follower.persist();
    expect(follower.receive(2, beat).send).toMatchObject([
      { message: { result: matched([1, 3]) } },
    ]);
  });

  it("answers nothing at once in a term that is not durable yet (R6, I11)", () => {
    const follower = followerOf({ log: [1], term: 1 });
    const beat = appendEntries({ term: 2, from: 2, prev: [1, 1] });
    expect(follower.receive(2, beat)).toMatchObject({
      hardState: { term: 2 },
      send: [],
      sendAfterPersist: [{ to: 2 }],
    });
  });

  it("acknowledges nothing beyond the request, whatever else the log holds (R4)", () => {
    const follower = followerOf({ log: [1, 1, 1], term: 2 });
    const beat = appendEntries({ term: 2, from: 2, prev: [1, 2] });
    expect(follower.receive(2, beat).send).toMatchObject([
      { message: { result: matched([1, 2]) } },
    ]);
  });

  it("checks a previous position of (0, 0) like any other, and wipes nothing (R4)", () => {
    const follower = followerOf({ log: [1, 1, 1], term: 2 });
    const beat = appendEntries({ term: 2, from: 2, prev: [0, 0], entries: [entry([1, 1])] });
    expect(follower.receive(2, beat).append).toEqual([]);
    expect(follower.status.last).toMatchObject({ index: 3 });
  });

  it("skips what it has purged: below the log's base everything is committed", () => {
    const follower = followerOf({ base: [1, 3], log: [1, 2], term: 2 });
    const added = entries(3, [1, 1, 2, 2]);
    const message = appendEntries({ term: 2, from: 2, prev: [1, 2], entries: added });
    expect(follower.receive(2, message)).toMatchObject({
      append: [entry([2, 6])],
      sendAfterPersist: [{ message: { result: matched([2, 6]) } }],
    });
    const below = appendEntries({ term: 2, from: 2, prev: [1, 1], entries: entries(2, [1]) });
    expect(follower.receive(2, below).send).toMatchObject([
      { message: { result: matched([1, 2]) } },
    ]);
  });

  it("stops on a leader that contradicts the log's base (I4)", () => {
    const follower = followerOf({ base: [1, 3], log: [1], term: 2 });
    const message = appendEntries({ term: 2, from: 2, prev: [1, 2], entries: entries(3, [2]) });
    expect(() => follower.receive(2, message)).toThrow("truncating at 3, committed to 3");
  });

  it("answers with its promise, never more than the disk holds (R3)", () => {
    const follower = followerOf({ term: 2, promiseMs: 300, options: { electionTimeoutMs: 1000 } });
    const beat = appendEntries({ term: 2, from: 2 });
    expect(follower.receive(2, beat).send).toMatchObject([
      { message: { minElectionTimeoutMs: 300 } },
    ]);
    expect(follower.tick().hardState).toMatchObject({ minElectionTimeoutMs: 1000 });
    expect(follower.receive(2, beat).send).toMatchObject([
      { message: { minElectionTimeoutMs: 300 } },
    ]);
    follower.persist();
    expect(follower.receive(2, beat).send).toMatchObject([
      { message: { minElectionTimeoutMs: 1000 } },
    ]);
  });

  it("gives a candidacy up for the leader of its term (§5.2)", () => {
    const candidate = followerOf({ term: 1 });
    candidate.tick(1000);
    candidate.receive(2, {
      kind: "preVoteResponse",
      term: inTerm(1),
      campaignTerm: inTerm(2),
      granted: true,
    });
    expect(candidate.status).toMatchObject({ role: "candidate", term: 2 });
    candidate.receive(3, appendEntries({ term: 2, from: 3 }));
    expect(candidate.status).toMatchObject({ role: "follower", leaderId: 3, votedFor: 1 });
  });
});
