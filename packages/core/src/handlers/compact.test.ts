import { describe, expect, it } from "vitest";
import { arrangeLeader, configurationOf, DrivenNode } from "../../test/support/driven-node.js";
import {
  appendAnswer,
  appendEntries,
  at,
  conflict,
  entries,
  id,
  logId,
  matched,
  type Position,
} from "../../test/support/messages.js";

function compact(node: DrivenNode, base: Position) {
  return node.step({ kind: "compact", base: logId(base) });
}

describe("onCompact", () => {
  it("moves the base and frees memory; the terms behind it stay known", () => {
    const node = new DrivenNode({ log: [1, 2, 2, 3], commit: 3 });
    compact(node, [2, 3]);
    expect(node.status).toMatchObject({ base: logId([2, 3]), last: logId([3, 4]) });
    expect([2, 3, 4].map((index) => node.node.termAt(at(index)))).toEqual([undefined, 2, 3]);
    expect(node.status.cachedBytes).toBeLessThan(100);
  });

  it("takes everything that is applied, up to the last entry (scenario 47)", () => {
    const node = new DrivenNode({ log: [1, 2], commit: 2 });
    compact(node, [2, 2]);
    expect(node.status).toMatchObject({ base: logId([2, 2]), last: logId([2, 2]) });
    const next = appendEntries({ term: 2, from: 2, prev: [2, 2], entries: entries(3, [2]) });
    expect(node.receive(2, next).append).toEqual(entries(3, [2]));
  });

  it("counts as durable what the snapshot covers, before the log's own sync is told", () => {
    const leader = arrangeLeader({ voters: [1, 2, 3] });
    leader.propose("a");
    for (const peer of [2, 3]) {
      leader.receive(peer, appendAnswer({ term: 1, result: matched([1, 2]) }));
    }
    leader.step({ kind: "applied", upTo: at(2) });
    expect(leader.status.durableIndex).toBe(1);
    compact(leader, [1, 2]);
    expect(leader.status).toMatchObject({ base: logId([1, 2]), durableIndex: 2 });
  });

  it("ignores a base that an install has passed", () => {
    const follower = new DrivenNode({ term: 3, log: [1, 1], commit: 2 });
    const configuration = configurationOf({});
    const requestId = follower.nextRequest();
    follower.step({
      kind: "snapshotReceived",
      requestId,
      lastIncluded: logId([3, 9]),
      configuration,
    });
    compact(follower, [1, 2]);
    expect(follower.status).toMatchObject({ base: logId([3, 9]), durableIndex: 9 });
  });

  it.each([
    { name: "is not applied", base: [1, 3] as Position, says: "applied are 2" },
    { name: "is of another term than the log's", base: [2, 2] as Position, says: "not in the log" },
  ])("stops when the base $name", ({ base, says }) => {
    const node = new DrivenNode({ log: [1, 1, 1], commit: 3, applied: 2 });
    expect(() => compact(node, base)).toThrow(says);
  });
});

describe("compaction under a leader's feet", () => {
  const options = { logCacheBytes: 0 };

  /** Reads [2, 4) back for peer 2 while everything up to 4 is committed and applied. */
  function arrangeReading(): DrivenNode {
    const leader = arrangeLeader({ log: [1, 1, 1], commit: 3, options });
    leader.receive(3, appendAnswer({ term: 2, result: matched([2, 4]) }));
    leader.step({ kind: "applied", upTo: at(4) });
    const asked = leader.receive(2, appendAnswer({ term: 2, result: conflict(2) }));
    expect(asked.readLog).toMatchObject([{ peer: 2, from: 2, to: 5 }]);
    return leader;
  }

  it.each([
    { name: "what was read is purged", base: [1, 3] as Position },
    { name: "all of it is", base: [2, 4] as Position },
    { name: "only the entry before the first", base: [1, 2] as Position },
  ])("sends a snapshot when $name", ({ base }) => {
    const leader = arrangeReading();
    compact(leader, base);
    const read = {
      kind: "logRead",
      peer: id(2),
      from: at(2),
      entries: entries(2, [1, 1]),
    } as const;
    expect(leader.step(read)).toMatchObject({
      send: [],
      readLog: [],
      snapshots: [{ kind: "send", peer: 2 }],
    });
  });

  it("sends what was read when it stands right behind the new base", () => {
    const leader = arrangeReading();
    compact(leader, [1, 1]);
    const read = {
      kind: "logRead",
      peer: id(2),
      from: at(2),
      entries: entries(2, [1, 1]),
    } as const;
    expect(leader.step(read).send).toMatchObject([{ message: { prev: { index: 1 } } }]);
  });

  it("sends a snapshot with the next answer when the read failed", () => {
    const leader = arrangeReading();
    compact(leader, [1, 3]);
    const failed = { kind: "logRead", peer: id(2), from: at(2), entries: undefined } as const;
    expect(leader.step(failed).snapshots).toEqual([]);
    leader.tick(100);
    const answer = appendAnswer({ term: 2, round: 2, result: conflict(2) });
    expect(leader.receive(2, answer).snapshots).toEqual([{ kind: "send", peer: 2 }]);
  });

  it("sends a snapshot when a lost probe stood where the log is purged since", () => {
    const leader = arrangeLeader({ log: [1, 1, 1], commit: 3 });
    leader.receive(3, appendAnswer({ term: 2, result: matched([2, 4]) }));
    leader.step({ kind: "applied", upTo: at(4) });
    // Probed at 2 and lost; the base moves past it. Heartbeats stand at the base from then on, and
    // the hint of their answers is never below the place of the probe.
    leader.receive(2, appendAnswer({ term: 2, result: conflict(2) }));
    compact(leader, [1, 3]);
    const beat = leader.tick(100).send.find(({ to }) => to === 2);
    expect(beat).toMatchObject({ message: { prev: { term: 1, index: 3 }, entries: [] } });
    const answer = appendAnswer({ term: 2, round: 2, result: conflict(2) });
    expect(leader.receive(2, answer).snapshots).toEqual([{ kind: "send", peer: 2 }]);
  });
});
