import { describe, expect, it } from "vitest";
import {
  type Arranged,
  arrangeCandidate,
  arrangeLeader,
  configurationOf,
  DrivenNode,
} from "../../test/support/driven-node.js";
import {
  appendAnswer,
  appendEntries,
  at,
  conflict,
  entries,
  entry,
  id,
  installed,
  installSnapshot,
  inTerm,
  logId,
  matched,
  noop,
  type Position,
  preVote,
  requestVote,
  voteAnswer,
  wantsChunk,
} from "../../test/support/messages.js";
import type { Effects } from "../effects.js";

/** A follower that has heard leader 2 of its term. */
function arrangeFollower(arranged: Arranged = {}): DrivenNode {
  const follower = new DrivenNode({ term: 3, ...arranged });
  follower.receive(2, installSnapshot({ term: 3, from: 2, label: [1, 1], chunks: [] }));
  return follower;
}

function receiveSnapshot(node: DrivenNode, lastIncluded: Position): Effects {
  const configuration = configurationOf({});
  const requestId = node.nextRequest();
  const fields = { requestId, lastIncluded: logId(lastIncluded), configuration };
  return node.step({ kind: "snapshotReceived", ...fields });
}

describe("onInstallSnapshot", () => {
  it("hands chunks out, and counts as hearing the leader (R5)", () => {
    const follower = new DrivenNode({ term: 3, log: [1, 1], commit: 1 });
    follower.nowMs = 900;
    const message = installSnapshot({ term: 3, from: 2, label: [3, 9], chunks: [0, 1] });
    const effects = follower.receive(2, message);
    expect(effects).toMatchObject({
      send: [],
      snapshots: [{ kind: "chunks", from: 2, message }],
      roleChange: { role: "follower", leaderId: 2 },
    });
    expect(follower.tick(999).roleChange).toBeUndefined();
    // Stickiness: whoever heard a leader votes for nobody else.
    expect(follower.receive(3, requestVote(4, [3, 9])).send).toEqual([
      { to: id(3), message: voteAnswer(3, false, [1, 2]) },
    ]);
  });

  it("ends a candidacy of the same term, and follows into a later one, durably first", () => {
    const candidate = arrangeCandidate({ log: [1] });
    candidate.receive(2, installSnapshot({ term: 2, from: 2, label: [1, 9] }));
    expect(candidate.status).toMatchObject({ role: "follower", leaderId: 2, term: 2 });
    const follower = new DrivenNode({ log: [1], term: 1 });
    const message = installSnapshot({ term: 4, from: 2, label: [1, 1] });
    follower.step({ kind: "tick" });
    const effects = follower.receive(2, message);
    expect(effects.hardState).toMatchObject({ term: 4, votedFor: undefined });
    expect(effects.send).toEqual([]);
  });

  it("refuses the leader of an earlier term by showing its own", () => {
    const follower = new DrivenNode({ term: 3 });
    const effects = follower.receive(2, installSnapshot({ term: 2, from: 2, label: [1, 9] }));
    expect(effects).toMatchObject({ snapshots: [], roleChange: undefined });
    expect(effects.send).toEqual([{ to: id(2), message: wantsChunk(3, [1, 9], 0) }]);
  });

  it("declines what it has committed as installed, whatever stands behind it (scenario 44)", () => {
    const follower = new DrivenNode({ term: 3, log: [1, 1, 2, 3], commit: 2 });
    const effects = follower.receive(2, installSnapshot({ term: 3, from: 2, label: [1, 2] }));
    expect(effects).toMatchObject({ snapshots: [], resetLog: undefined });
    expect(effects.send).toEqual([{ to: id(2), message: installed(3, [1, 2]) }]);
    expect(follower.status.last).toEqual(logId([3, 4]));
  });

  it("says so of committed entries only when they are durable (R6, I11)", () => {
    const follower = new DrivenNode({ term: 3 });
    const added = entries(1, [3, 3]);
    follower.receive(2, appendEntries({ term: 3, from: 2, entries: added, commit: 2 }));
    const effects = follower.receive(2, installSnapshot({ term: 3, from: 2, label: [3, 2] }));
    expect(effects.send).toEqual([]);
    expect(effects.sendAfterPersist).toEqual([{ to: id(2), message: installed(3, [3, 2]) }]);
  });

  it.each([
    { name: "in another's name", fields: { leader: 3 } },
    { name: "of a rival in the same term", fields: { from: 3 } },
    { name: "of an entry of a later term than the leader's", fields: { label: [4, 9] } },
    { name: "of no entry", fields: { label: [0, 0] } },
    { name: "with a hole between its chunks", fields: { chunks: [0, 2] } },
    { name: "with more chunks than it has", fields: { chunks: [4, 5], totalChunks: 5 } },
    { name: "of no chunk", fields: { totalChunks: 0, chunks: [] } },
    { name: "of chunks without bytes", fields: { chunkBytes: 0, chunks: [] } },
  ] as const)("drops one $name", ({ fields }) => {
    const follower = arrangeFollower({ log: [1], commit: 1 });
    const message = installSnapshot({ term: 3, from: 2, label: [3, 9], ...fields });
    const effects = follower.receive("from" in fields ? fields.from : 2, message);
    expect(effects).toMatchObject({ send: [], sendAfterPersist: [], snapshots: [] });
    expect(follower.status).toMatchObject({ droppedMessages: 1, leaderId: 2 });
  });

  it("drops one of term 0, which nobody leads", () => {
    const follower = new DrivenNode({});
    follower.receive(2, installSnapshot({ term: 0, from: 2, label: [0, 1] }));
    expect(follower.status).toMatchObject({ droppedMessages: 1, leaderId: undefined });
  });
});

describe("onSnapshotProgress", () => {
  const progress = (node: DrivenNode, to: number, label: Position) =>
    node.step({ kind: "snapshotProgress", to: id(to), lastIncluded: logId(label), nextChunk: 4 });

  it("tells the leader which chunk is wanted, in the present term", () => {
    const follower = arrangeFollower({ log: [1], commit: 1 });
    expect(progress(follower, 2, [2, 9]).send).toEqual([
      { to: id(2), message: wantsChunk(3, [2, 9], 4) },
    ]);
  });

  it("tells nobody who leads no longer (scenario 45)", () => {
    expect(progress(arrangeFollower({ log: [1], commit: 1 }), 3, [2, 9]).send).toEqual([]);
  });

  it("ends a transfer that appends have overtaken", () => {
    const follower = arrangeFollower({ log: [1, 1], commit: 2 });
    expect(progress(follower, 2, [1, 2]).send).toEqual([
      { to: id(2), message: installed(3, [1, 2]) },
    ]);
  });
});

describe("onInstallSnapshotResponse", () => {
  it("hands an answer of this term to the driver, whether or not the peer still needs it", () => {
    const leader = arrangeLeader({ log: [1] });
    const message = wantsChunk(2, [1, 1], 3);
    expect(leader.receive(2, message).snapshots).toEqual([{ kind: "answer", from: 2, message }]);
  });

  it("shows that the peer lives (check-quorum), and confirms no round (R4)", () => {
    const leader = arrangeLeader({ log: [1] });
    leader.receive(2, appendAnswer({ term: 2, result: matched([2, 2]) }));
    leader.nowMs += 900;
    leader.read();
    expect(leader.receive(2, installed(2, [1, 1])).replies).toEqual([]);
    expect(leader.tick(900).roleChange).toBeUndefined();
  });

  it("steps down before a later term, and ignores an earlier one", () => {
    const leader = arrangeLeader({ log: [1] });
    expect(leader.receive(2, installed(1, [1, 1])).snapshots).toEqual([]);
    leader.receive(2, wantsChunk(3, [1, 1], 0));
    expect(leader.status).toMatchObject({ role: "follower", term: 3 });
  });
});

describe("onSnapshotReceived", () => {
  it("begins the log anew where it does not reach the label (paper §7)", () => {
    const follower = arrangeFollower({ log: [1, 1], commit: 1 });
    const effects = receiveSnapshot(follower, [3, 9]);
    expect(effects).toMatchObject({ resetLog: { term: 3, index: 9 }, append: [], apply: [] });
    expect(effects.replies).toEqual([
      { kind: "installed", requestId: 1, lastIncluded: logId([3, 9]) },
    ]);
    expect(follower.status).toMatchObject({
      base: logId([3, 9]),
      last: logId([3, 9]),
      commitIndex: 9,
      appliedIndex: 9,
      durableIndex: 9,
      role: "follower",
      leaderId: 2,
    });
    expect([...effects.send, ...effects.sendAfterPersist]).toEqual([
      { to: id(2), message: installed(3, [3, 9]) },
    ]);
  });

  it("drops a tail whose entry at the label is another (Figure 13)", () => {
    const follower = arrangeFollower({ log: [1, 2, 2, 2], commit: 1 });
    expect(receiveSnapshot(follower, [3, 3]).resetLog).toEqual(logId([3, 3]));
    expect(follower.status.last).toEqual(logId([3, 3]));
  });

  it("keeps the tail behind the same entry, and applies only that", () => {
    const follower = arrangeFollower({ log: [1, 2, 2, 2], commit: 1 });
    expect(receiveSnapshot(follower, [2, 3]).resetLog).toBeUndefined();
    expect(follower.status).toMatchObject({
      base: logId([0, 0]),
      last: logId([2, 4]),
      commitIndex: 3,
      appliedIndex: 3,
    });
    const beat = appendEntries({ term: 3, from: 2, prev: [2, 4], commit: 4 });
    expect(follower.receive(2, beat).apply).toEqual(entries(4, [2]));
  });

  it("answers for a kept log at once, however long its own write takes (L3)", () => {
    const follower = arrangeFollower({ log: [1], commit: 1 });
    const added = entries(2, [3, 3, 3]);
    follower.receive(2, appendEntries({ ...rest, prev: [1, 1], entries: added }));
    expect(follower.status.durableIndex).toBe(1);
    // The snapshot is durable, and holds what the write under way would have made so.
    expect(receiveSnapshot(follower, [3, 3]).send).toEqual([
      { to: id(2), message: installed(3, [3, 3]) },
    ]);
    const beat = follower.receive(2, appendEntries({ ...rest, prev: [3, 3] }));
    expect(beat.send).toMatchObject([{ message: { result: matched([3, 3]) } }]);
    // Behind the label nothing vouches but the write.
    const later = follower.receive(2, appendEntries({ ...rest, prev: [3, 4] }));
    expect(later.send).toMatchObject([{ message: { result: matched([3, 3]) } }]);
    expect(follower.status).toMatchObject({ durableIndex: 3, last: logId([3, 4]) });
  });

  it("refuses what is committed already, and tells the leader (scenario 44)", () => {
    const follower = arrangeFollower({ log: [1, 1, 1], commit: 3, applied: 1 });
    const effects = receiveSnapshot(follower, [1, 2]);
    expect(effects.replies).toMatchObject([{ refusal: { code: "INVALID_REQUEST" } }]);
    expect(effects).toMatchObject({ resetLog: undefined });
    expect(effects.send).toEqual([{ to: id(2), message: installed(3, [1, 2]) }]);
    expect(follower.status).toMatchObject({ appliedIndex: 1, last: logId([1, 3]) });
  });

  it("is refused by a leader, whose log holds all that is committed (I4)", () => {
    const leader = arrangeLeader({ log: [1, 1, 1], commit: 1 });
    expect(receiveSnapshot(leader, [1, 3])).toMatchObject({
      replies: [{ kind: "refused" }],
      send: [],
      sendAfterPersist: [],
    });
    expect(leader.status).toMatchObject({ role: "leader", commitIndex: 1 });
  });

  it("installs in a candidacy too, which goes on with the base as its last position", () => {
    const candidate = arrangeCandidate({ log: [1], voters: [1, 2, 3] });
    expect(receiveSnapshot(candidate, [1, 9]).replies).toMatchObject([{ kind: "installed" }]);
    const elected = candidate.receive(2, voteAnswer(2, true));
    expect(elected.append).toEqual([noop([2, 10])]);
    expect(elected.send).toMatchObject([
      { message: { prev: { term: 1, index: 9 }, entries: [{ index: 10 }] } },
      { message: { prev: { term: 1, index: 9 } } },
    ]);
    expect(candidate.status.uncommittedBytes).toBe(32);
    candidate.persist();
    candidate.receive(2, appendAnswer({ term: 2, result: matched([2, 10]) }));
    expect(candidate.status).toMatchObject({ commitIndex: 10, uncommittedBytes: 0 });
  });

  it("lets no write under way vouch for a log that was reset (18, with a reset)", () => {
    const follower = arrangeFollower({ log: [1], commit: 1 });
    // Batch 1 writes 2 to 4; the leader of term 5 has other entries there, and a snapshot of them.
    const replaced = entries(2, [3, 3, 3]);
    const wrote = follower.receive(2, appendEntries({ ...rest, prev: [1, 1], entries: replaced }));
    follower.receive(3, installSnapshot({ term: 5, from: 3, label: [4, 3] }));
    receiveSnapshot(follower, [4, 3]);
    const next = appendEntries({ term: 5, from: 3, prev: [4, 3], entries: entries(4, [5]) });
    follower.receive(3, next);
    follower.step({ kind: "persisted", batch: wrote.batch });
    expect(follower.status).toMatchObject({ last: logId([5, 4]), durableIndex: 3 });
    follower.persist();
    expect(follower.status.durableIndex).toBe(4);
  });

  it("stops when the label is of a term that this node has not reached", () => {
    expect(() => receiveSnapshot(arrangeFollower(), [4, 9])).toThrow("received in term 3");
  });

  it("keeps reads that wait for the leader", () => {
    const follower = arrangeFollower();
    const asked = follower.read().send[0]?.message;
    if (asked?.kind !== "readIndex") throw new Error("no read index was asked for");
    receiveSnapshot(follower, [3, 9]);
    const answer = {
      kind: "readIndexResponse",
      term: inTerm(3),
      id: asked.id,
      index: at(9),
    } as const;
    expect(follower.receive(2, answer).replies).toMatchObject([{ kind: "readIndex", index: 9 }]);
  });
});

describe("a log that begins behind a snapshot", () => {
  /** Installed (3, 9), nothing behind it. */
  function behind(): DrivenNode {
    const follower = arrangeFollower();
    receiveSnapshot(follower, [3, 9]);
    follower.persist();
    return follower;
  }

  it("takes the entry right behind the label: the term before is known (scenario 47)", () => {
    const follower = behind();
    const added = entries(10, [3]);
    const effects = follower.receive(2, appendEntries({ ...rest, prev: [3, 9], entries: added }));
    expect(effects.append).toEqual(added);
  });

  it("skips what the snapshot holds of an append that overlaps its label", () => {
    const overlapping = entries(8, [3, 3, 3, 3]);
    const message = appendEntries({ ...rest, prev: [3, 7], entries: overlapping, commit: 11 });
    const effects = behind().receive(2, message);
    expect(effects.append).toEqual(overlapping.slice(2));
    expect(effects.apply).toEqual(overlapping.slice(2));
  });

  it.each([
    { name: "ends below the base", prev: [3, 5] as Position, added: entries(6, [3, 3]), match: 7 },
    { name: "is a heartbeat below the base", prev: [3, 5] as Position, added: [], match: 5 },
  ])("vouches for no more than the request when it $name", ({ prev, added, match }) => {
    const effects = behind().receive(2, appendEntries({ ...rest, prev, entries: added }));
    expect(effects).toMatchObject({ append: [] });
    expect(effects.send).toMatchObject([
      { message: { result: { kind: "success", lastMatch: { term: 3, index: match } } } },
    ]);
  });

  it("asks for what follows the label", () => {
    const effects = behind().receive(2, appendEntries({ ...rest, prev: [3, 12] }));
    expect(effects.send).toMatchObject([{ message: { result: conflict(10) } }]);
  });

  it("stops before a leader that has another entry at the label (§5.4)", () => {
    const other = appendEntries({ ...rest, prev: [2, 9] });
    expect(() => behind().receive(2, other)).toThrow("committed index 9");
    const within = appendEntries({ ...rest, prev: [2, 8], entries: [entry([2, 9])] });
    expect(() => behind().receive(2, within)).toThrow("truncating at 9");
  });

  it("votes by the label: shorter or older logs are refused (§5.4.1)", () => {
    for (const [last, granted] of [
      [[3, 8], false],
      [[2, 99], false],
      [[3, 9], true],
    ] as const) {
      const voter = behind();
      voter.nowMs += 5000;
      const answers = voter.receive(3, preVote(4, last)).send;
      expect(answers).toMatchObject([{ message: { granted } }]);
    }
  });

  it("campaigns with the label", () => {
    const follower = behind();
    expect(follower.tick(2000).send).toMatchObject([
      { message: { kind: "preVote", lastLog: { term: 3, index: 9 } } },
      {},
    ]);
  });
});

const rest = { term: 3, from: 2 };
