import { describe, expect, it } from "vitest";
import { arrangeLeader, configurationOf, DrivenNode } from "../../test/support/driven-node.js";
import {
  appendAnswer,
  appendEntries,
  at,
  entries,
  logId,
  matched,
} from "../../test/support/messages.js";

describe("onApplied", () => {
  it("drops applied entries from memory beyond logCacheBytes (R7)", () => {
    const leader = arrangeLeader({ voters: [1], options: { logCacheBytes: 100 } });
    leader.propose(new Uint8Array(1000));
    leader.persist();
    expect(leader.status.cachedBytes).toBeGreaterThan(1000);
    leader.step({ kind: "applied", upTo: at(2) });
    expect(leader.status.cachedBytes).toBe(0);
  });

  it("keeps what is applied but not on the own disk: it could not be read back (scenario 19)", () => {
    const leader = arrangeLeader({ voters: [1, 2, 3], options: { logCacheBytes: 0 } });
    leader.propose("a");
    for (const peer of [2, 3]) {
      leader.receive(peer, appendAnswer({ term: 1, result: matched([1, 2]) }));
    }
    leader.step({ kind: "applied", upTo: at(2) });
    expect(leader.status).toMatchObject({ appliedIndex: 2, durableIndex: 1 });
    expect(leader.status.cachedBytes).toBeGreaterThan(0);
    leader.persist();
    expect(leader.status.cachedBytes).toBe(0);
  });

  it("ignores what was said of the state before an install, and nothing else", () => {
    const follower = new DrivenNode({ term: 3, log: [1, 1], commit: 2, applied: 0 });
    follower.tick();
    const configuration = configurationOf({});
    const lastIncluded = logId([3, 9]);
    const requestId = follower.nextRequest();
    follower.step({ kind: "snapshotReceived", requestId, lastIncluded, configuration });
    follower.step({ kind: "applied", upTo: at(2) });
    follower.step({ kind: "applied", upTo: at(9) });
    expect(follower.status).toMatchObject({ appliedIndex: 9 });
    const next = { prev: [3, 9] as const, entries: entries(10, [3, 3]), commit: 11 };
    follower.receive(2, appendEntries({ term: 3, from: 2, ...next }));
    follower.step({ kind: "applied", upTo: at(11) });
    expect(() => follower.step({ kind: "applied", upTo: at(10) })).toThrow("applied 10, was 11");
  });

  it.each([
    { name: "goes back", upTo: 0 },
    { name: "runs ahead of what was handed out", upTo: 2 },
  ])("stops when it $name: the driver is broken (I9)", ({ upTo }) => {
    const leader = arrangeLeader({ voters: [1] });
    leader.step({ kind: "applied", upTo: at(1) });
    expect(() => leader.step({ kind: "applied", upTo: at(upTo) })).toThrow(`applied ${upTo}`);
  });
});
