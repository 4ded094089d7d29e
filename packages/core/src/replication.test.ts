import { describe, expect, it } from "vitest";
import { arrangeCandidate, arrangeLeader, DrivenNode } from "../test/support/driven-node.js";
import {
  appendAnswer,
  appendEntries,
  at,
  entries,
  id,
  inTerm,
  matched,
  noop,
  voteAnswer,
} from "../test/support/messages.js";
import { type Entry, entryBytes } from "./entry.js";

describe("replication", () => {
  it("opens a leadership with one request to each peer, the noop in it", () => {
    const candidate = arrangeCandidate({ voters: [1, 2, 3], log: [1] });
    const opening = noop([2, 2]);
    expect(candidate.receive(2, voteAnswer(2, true)).send).toEqual([
      { to: id(2), message: appendEntries({ term: 2, from: 1, prev: [1, 1], entries: [opening] }) },
      { to: id(3), message: appendEntries({ term: 2, from: 1, prev: [1, 1], entries: [opening] }) },
    ]);
  });

  it("sends a silent peer heartbeats, but its entries only once", () => {
    const leader = arrangeLeader({ voters: [1, 2, 3] });
    for (let beat = 0; beat < 3; beat++) {
      expect(leader.propose("x").send).toEqual([]);
      const sent = leader.tick(100).send.filter((envelope) => envelope.to === 2);
      expect(sent).toMatchObject([{ message: { prev: { index: 0 }, entries: [] } }]);
    }
  });

  it("finds a lost first request again with the answer to a heartbeat", () => {
    const leader = arrangeLeader({ voters: [1, 2, 3], log: [1] });
    leader.tick(100);
    const effects = leader.receive(2, appendAnswer({ term: 2, round: 2, result: matched([1, 1]) }));
    expect(effects.send).toMatchObject([{ to: 2, message: { entries: [{ index: 2 }] } }]);
    expect(leader.status.peers[0]).toMatchObject({ state: "replicate", nextIndex: 3 });
  });

  it("puts no more into one request than appendEntriesMax and appendBytesMax allow", () => {
    const options = { appendEntriesMax: 3, appendBytesMax: 1024 };
    const leader = arrangeLeader({ voters: [1, 2, 3], options });
    leader.receive(2, appendAnswer({ term: 1, result: matched([1, 1]) }));
    const big = new Uint8Array(600);
    const small = new Uint8Array(1);
    const { send } = leader.propose(small, small, small, small, big, big, small);
    const indexes = send.map(({ message }) =>
      message.kind === "appendEntries" ? message.entries.map((e) => e.index as number) : [],
    );
    expect(indexes).toEqual([
      [2, 3, 4],
      [5, 6],
      [7, 8],
    ]);
  });

  it.each([
    { name: "messages", options: { inflightMessagesMax: 2, appendEntriesMax: 1 }, sent: 2 },
    { name: "bytes", options: { inflightBytesMax: 1024, appendEntriesMax: 1 }, sent: 2 },
  ])("stops at the window's bound in $name (scenario 22)", ({ options, sent }) => {
    const leader = arrangeLeader({ voters: [1, 2, 3], options });
    leader.receive(2, appendAnswer({ term: 1, result: matched([1, 1]) }));
    const command = new Uint8Array(600);
    expect(leader.propose(command, command, command, command).send).toHaveLength(sent);
    expect(leader.status.peers[0]).toMatchObject({ inflightMessages: sent, nextIndex: 2 + sent });
  });

  it("reads entries that left memory back from the disk (R7)", () => {
    const leader = arrangeLeader({
      voters: [1, 2, 3],
      log: [1, 1, 1],
      commit: 3,
      options: { logCacheBytes: 0 },
    });
    leader.step({ kind: "applied", upTo: at(3) });
    const asked = leader.receive(
      2,
      appendAnswer({ term: 2, result: { kind: "conflict", term: undefined, index: at(2) } }),
    );
    expect(asked.readLog).toEqual([{ peer: 2, from: 2, to: 4, bytesMax: 1024 * 1024 }]);
    const found = entries(2, [1, 1]);
    const sent = leader.step({ kind: "logRead", peer: id(2), from: at(2), entries: found });
    expect(sent.send).toEqual([
      { to: id(2), message: appendEntries({ ...rest, prev: [1, 1], entries: found, commit: 3 }) },
    ]);
  });

  it("sends nothing when the read back fails, and tries again later (scenario 21)", () => {
    const options = { logCacheBytes: 0 };
    const leader = arrangeLeader({ voters: [1, 2, 3], log: [1, 1], commit: 2, options });
    leader.step({ kind: "applied", upTo: at(2) });
    const short = { kind: "conflict", term: undefined, index: at(1) } as const;
    expect(leader.receive(2, appendAnswer({ term: 2, result: short })).readLog).toHaveLength(1);
    const failed = leader.step({ kind: "logRead", peer: id(2), from: at(1), entries: undefined });
    expect(failed).toMatchObject({ send: [], readLog: [] });
    leader.tick(100);
    const again = leader.receive(2, appendAnswer({ term: 2, round: 2, result: matched([0, 0]) }));
    expect(again.readLog).toHaveLength(1);
  });

  it("drops what was read back when the log has changed since", () => {
    const options = { logCacheBytes: 0 };
    const leader = arrangeLeader({ voters: [1, 2, 3], log: [1, 1], commit: 2, options });
    leader.step({ kind: "applied", upTo: at(2) });
    const short = { kind: "conflict", term: undefined, index: at(1) } as const;
    leader.receive(2, appendAnswer({ term: 2, result: short }));
    const foreign = entries(1, [2, 2]);
    const read = leader.step({ kind: "logRead", peer: id(2), from: at(1), entries: foreign });
    expect(read.send).toEqual([]);
  });

  it("never begins in the middle: below the log's base it waits for a snapshot (scenario 21)", () => {
    const leader = arrangeLeader({ voters: [1, 2, 3], base: [1, 5], log: [1, 1] });
    const short = { kind: "conflict", term: undefined, index: at(3) } as const;
    expect(leader.receive(2, appendAnswer({ term: 2, result: short }))).toMatchObject({
      send: [],
      readLog: [],
    });
    expect(leader.status.peers[0]).toMatchObject({ state: "snapshot" });
    expect(leader.propose("a").send).toEqual([]);
    expect(leader.tick(100).send[0]).toMatchObject({
      to: 2,
      message: { prev: { term: 1, index: 5 }, entries: [] },
    });
    const refused = appendAnswer({ term: 2, round: 2, result: short });
    expect(leader.receive(2, refused).send).toEqual([]);
    expect(leader.status.peers[0]).toMatchObject({ state: "snapshot" });
    // It has got the snapshot from somewhere: its log begins where ours does.
    const installed = appendAnswer({ term: 2, round: 2, result: matched([1, 5]) });
    expect(leader.receive(2, installed).send).toMatchObject([
      { message: { prev: { index: 5 }, entries: [{ index: 6 }, { index: 7 }, {}, {}] } },
    ]);
    expect(leader.status.peers[0]).toMatchObject({ state: "probe", matchIndex: 5 });
  });

  it("tells quiet peers of a commit with the next tick, once", () => {
    const leader = arrangeLeader({ voters: [1, 2, 3] });
    leader.receive(2, appendAnswer({ term: 1, result: matched([1, 1]) }));
    const sent = leader.tick(1).send;
    expect(sent).toMatchObject([{ to: 2, message: { entries: [], leaderCommit: 1 } }]);
    expect(leader.tick(1).send).toEqual([]);
  });

  it("counts the bytes behind the commit index, those found after a restart included", () => {
    const leader = arrangeLeader({ voters: [1, 2, 3], log: [1, 1, 1], commit: 1 });
    expect(leader.status.uncommittedBytes).toBe(
      [...entries(2, [1, 1]), noop([2, 4])].reduce(sum, 0),
    );
    leader.receive(2, appendAnswer({ term: 2, result: matched([2, 4]) }));
    expect(leader.status).toMatchObject({ commitIndex: 4, uncommittedBytes: 0 });
  });

  it("counts no bytes below zero for what a start had not handed out yet", () => {
    const driven = new DrivenNode({ voters: [1, 2, 3], log: [1, 1], commit: 2, applied: 0 });
    driven.receive(2, appendEntries({ term: 1, from: 2, prev: [1, 2] }));
    driven.receive(2, { kind: "timeoutNow", term: inTerm(1) });
    driven.persist();
    driven.receive(3, voteAnswer(2, true));
    driven.persist();
    const committed = driven.receive(2, appendAnswer({ term: 2, result: matched([2, 3]) }));
    expect(committed.apply).toEqual([...entries(1, [1, 1]), noop([2, 3])]);
    expect(driven.status.uncommittedBytes).toBe(0);
  });
});

const rest = { term: 2, from: 1 };

function sum(bytes: number, entry: Entry): number {
  return bytes + entryBytes(entry);
}
