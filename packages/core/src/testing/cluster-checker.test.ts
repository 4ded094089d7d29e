import { describe, expect, it } from "vitest";
import { configurationOf } from "../../test/support/driven-node.js";
import {
  appendAnswer,
  appendEntries,
  at,
  batch,
  effects,
  entries,
  entry,
  id,
  installed,
  installSnapshot,
  inTerm,
  logId,
  matched,
  type Position,
  preVote,
  requestVote,
  voteAnswer,
} from "../../test/support/messages.js";
import type { Effects } from "../effects.js";
import type { Entry } from "../entry.js";
import type { RequestId } from "../ids.js";
import type { MembershipConfiguration } from "../membership/configuration.js";
import type { Message } from "../message.js";
import type { RaftStatus } from "../status.js";
import { ClusterChecker } from "./cluster-checker.js";

/** A status that is consistent in itself. */
function status(fields: {
  readonly id: number;
  readonly term?: number;
  readonly log?: readonly Entry[];
  readonly base?: Position;
  readonly commit?: number;
  readonly applied?: number;
  readonly leads?: boolean;
  readonly members?: MembershipConfiguration;
}): RaftStatus {
  const last = fields.log?.at(-1);
  const base = logId(fields.base ?? [0, 0]);
  const configuration = fields.members ?? bootstrap;
  return {
    id: id(fields.id),
    role: fields.leads === true ? "leader" : "follower",
    term: inTerm(fields.term ?? last?.term ?? base.term),
    votedFor: fields.leads === true ? id(fields.id) : undefined,
    leaderId: fields.leads === true ? id(fields.id) : undefined,
    leaderReady: false,
    base,
    last: logId([last?.term ?? base.term, last?.index ?? base.index]),
    commitIndex: at(fields.commit ?? base.index),
    appliedIndex: at(fields.applied ?? base.index),
    durableIndex: at(base.index),
    configuration,
    committedConfiguration: bootstrap,
    changeOutstanding: false,
    peers: [],
    pendingReads: 0,
    uncommittedBytes: 0,
    cachedBytes: 0,
    droppedMessages: 0,
  };
}

const origin = logId([0, 0]);
const bootstrap = configurationOf({ voters: [1, 2, 3] });

/** Nodes that start with these logs, all of them durable. */
function started(...logs: readonly Entry[][]): ClusterChecker {
  const checker = new ClusterChecker();
  logs.forEach((log, offset) => {
    const node = { id: offset + 1, log };
    const found = { hardState: undefined, base: origin, entries: log };
    checker.started(id(node.id), found, status(node));
  });
  return checker;
}

function hardState(term: number, votedFor?: number, promiseMs = 1000) {
  const vote = votedFor === undefined ? undefined : id(votedFor);
  return { term: inTerm(term), votedFor: vote, minElectionTimeoutMs: promiseMs };
}

function written(number: number, fields: Partial<Effects>): Effects {
  return effects({ batch: batch(number), ...fields });
}

describe("ClusterChecker", () => {
  it("I1: refuses two leaders in one term, over restarts too", () => {
    const checker = started([], [], []);
    checker.stepped(id(1), effects({}), status({ id: 1, term: 4, leads: true }));
    expect(() =>
      checker.stepped(id(2), effects({}), status({ id: 2, term: 4, leads: true })),
    ).toThrow("I1: 1 and 2 lead term 4");
  });

  it("I2: refuses a leader that replaces an entry", () => {
    const log = entries(1, [1, 1]);
    const checker = started(log);
    checker.stepped(id(1), effects({}), status({ id: 1, log, leads: true }));
    const replaced = written(1, { append: [log[1]!] });
    expect(() => checker.stepped(id(1), replaced, status({ id: 1, log, leads: true }))).toThrow(
      "I2: leader 1 replaces 2 of 2",
    );
  });

  it("I3: refuses one entry with two predecessors, or two contents", () => {
    expect(() => started(entries(1, [1, 3]), entries(1, [2, 3]))).toThrow("I3: (3, 2)");
    expect(() => started([entry([1, 1], "a")], [entry([1, 1], "b")])).toThrow("I3: (1, 1)");
  });

  /** Entry (1, 1) is committed by node 1 in term 1; nodes 1 and 2 hold it. */
  function committed(): ClusterChecker {
    const log = entries(1, [1]);
    const checker = started(log, log, []);
    checker.stepped(id(1), effects({ apply: log }), status({ id: 1, log, commit: 1 }));
    return checker;
  }

  it("I4: refuses a later leader without a committed entry, not one of the same term", () => {
    committed().stepped(id(3), effects({}), status({ id: 3, term: 1, leads: true }));
    expect(() =>
      committed().stepped(id(3), effects({}), status({ id: 3, term: 2, leads: true })),
    ).toThrow("I4: leader 3 of term 2 lacks (1, 1)");
  });

  it("I5: refuses another entry at an applied index, and a gap", () => {
    const other = entries(1, [2]);
    const checker = committed();
    checker.stepped(id(3), written(1, { append: other }), status({ id: 3, log: other }));
    const applied = status({ id: 3, log: other, commit: 1 });
    expect(() => checker.stepped(id(3), effects({ apply: other }), applied)).toThrow("I5: node 3");
    const gap = effects({ apply: entries(3, [1]) });
    expect(() =>
      committed().stepped(id(1), gap, status({ id: 1, log: entries(1, [1]), commit: 1 })),
    ).toThrow("I5: node 1 applies 3 after");
  });

  /** The members that an entry of the log has made. */
  function members(index: number, ...voters: number[]): MembershipConfiguration {
    return { ...configurationOf({ voters }), logId: logId([1, index]) };
  }

  it("I8: refuses a change by a leader that has committed nothing in its term", () => {
    const log = entries(1, [1, 1]);
    const checker = started(log, log, log);
    checker.stepped(id(1), effects({}), status({ id: 1, log, term: 2, leads: true }));
    const changed = status({ id: 1, log, term: 2, leads: true, members: members(3, 1, 2) });
    expect(() => checker.stepped(id(1), effects({}), changed)).toThrow("I8: leader 1 changes");
  });

  it("I8: refuses a second change before the first is committed", () => {
    const checker = committed();
    const fields = { id: 1, log: entries(1, [1]), commit: 1, leads: true };
    checker.stepped(id(1), effects({}), status({ ...fields, members: members(2, 1, 2) }));
    const again = status({ ...fields, members: members(3, 1) });
    expect(() => checker.stepped(id(1), effects({}), again)).toThrow(
      "I8: leader 1 changes the members of 2, committed is 1",
    );
  });

  it("I8: refuses quorums that may both act and share nobody", () => {
    const fields = { log: entries(1, [1]), commit: 1, leads: true };
    const apart = members(2, 3);
    const act = (checker: ClusterChecker, n: number, configuration: MembershipConfiguration) =>
      checker.stepped(id(n), effects({}), status({ id: n, ...fields, members: configuration }));
    expect(() => act(committed(), 1, apart)).toThrow("I8: node 1 decides by the members of 2");
    // Node 3 lacks what is committed: whatever it takes for the members, it can win nothing by it.
    const behind = status({ id: 3, members: apart });
    committed().stepped(id(3), effects({}), behind);
    act(committed(), 1, members(2, 1, 2));
  });

  it("I7: refuses a commit that no majority has on its disk", () => {
    const log = entries(1, [1]);
    const commitAfter = (synced: boolean) => {
      const checker = started(log, [], []);
      checker.stepped(id(2), written(1, { append: log }), status({ id: 2, log }));
      if (synced) checker.synced(id(2), batch(1));
      checker.stepped(id(1), effects({ apply: log }), status({ id: 1, log, commit: 1 }));
    };
    expect(() => commitAfter(false)).toThrow("I7: node 1 commits (1, 1)");
    commitAfter(true);
  });

  it("I7: refuses a start that forgot a durable batch, or kept one without the one before", () => {
    const log = entries(1, [1, 1]);
    const after = (synced: number) => {
      const checker = started([]);
      for (const added of log) {
        const effect = written(added.index, { append: [added] });
        checker.stepped(id(1), effect, status({ id: 1, log: log.slice(0, added.index) }));
      }
      if (synced > 0) checker.synced(id(1), batch(synced));
      return checker;
    };
    const restart = (checker: ClusterChecker, found: readonly Entry[]) =>
      checker.started(
        id(1),
        { hardState: undefined, base: origin, entries: found },
        status({ id: 1, log: found }),
      );
    for (const kept of [1, 2]) restart(after(1), log.slice(0, kept));
    expect(() => restart(after(1), [])).toThrow("I7: node 1 starts");
    expect(() => restart(after(2), log.slice(0, 1))).toThrow("I7: node 1 starts");
    expect(() => restart(after(0), [entry([2, 1])])).toThrow("I7: node 1 starts");
  });

  it.each([
    { name: "a vote of a term that is not durable", message: voteAnswer(5, true) },
    {
      name: "an append of a term that is not durable",
      message: appendEntries({ term: 5, from: 1 }),
    },
    { name: "a vote for another than the durable one", message: voteAnswer(4, true) },
    { name: "a campaign without the own vote", message: requestVote(4, [1, 1]) },
    { name: "a campaign with a log that is not durable", message: requestVote(3, [1, 2]) },
    { name: "a pre-vote beyond the durable term", message: preVote(6, [1, 1]) },
    {
      name: "an entry that is not durable",
      message: appendAnswer({ term: 4, result: matched([1, 2]) }),
    },
    {
      name: "a longer promise than the disk holds",
      message: appendAnswer({ term: 4, result: matched([1, 1]), promiseMs: 1001 }),
    },
  ])("I11: refuses to let go $name", ({ message }) => {
    const checker = new ClusterChecker();
    const log = entries(1, [1]);
    const found = { hardState: hardState(3, 1), base: origin, entries: log };
    checker.started(id(1), found, status({ id: 1, term: 3, log }));
    const voted = written(1, { hardState: hardState(4, 3), append: [] });
    checker.stepped(id(1), voted, status({ id: 1, term: 4, log }));
    checker.synced(id(1), batch(1));
    const ahead = written(2, { hardState: hardState(5, 2), append: entries(2, [1]) });
    checker.stepped(id(1), ahead, status({ id: 1, term: 5, log: entries(1, [1, 1]) }));
    expect(() => checker.sent(id(1), { to: id(2), message })).toThrow(/I11|R3/);
  });

  it("I11: lets go what was durable once, also after it was replaced", () => {
    const log = entries(1, [1]);
    const checker = new ClusterChecker();
    const found = { hardState: hardState(1), base: origin, entries: log };
    checker.started(id(1), found, status({ id: 1, log }));
    const replaced = entries(1, [2]);
    const effect = written(1, { hardState: hardState(2), append: replaced });
    checker.stepped(id(1), effect, status({ id: 1, log: replaced }));
    checker.synced(id(1), batch(1));
    const message = appendAnswer({ term: 1, result: matched([1, 1]) });
    checker.sent(id(1), { to: id(2), message });
  });

  /** Entries (1, 1) to (1, 3) are committed by nodes 1 and 2; node 3 has (1, 1) alone. */
  function threeCommitted(): ClusterChecker {
    const log = entries(1, [1, 1, 1]);
    const checker = started(log, log, log.slice(0, 1));
    checker.stepped(id(1), effects({ apply: log }), status({ id: 1, log, commit: 3 }));
    return checker;
  }

  /** What a step says that installs a snapshot up to `label`. */
  function installing(label: Position, reset: boolean): Effects {
    const lastIncluded = logId(label);
    const replies = [{ kind: "installed" as const, requestId: 1 as RequestId, lastIncluded }];
    return reset ? written(1, { resetLog: lastIncluded, replies }) : effects({ replies });
  }

  it("I5: refuses a snapshot of what nobody committed, or installed before it is durable", () => {
    const checker = threeCommitted();
    expect(() => checker.snapshotSaved(id(1), logId([1, 4]))).toThrow("I5: node 1 has a snapshot");
    expect(() => checker.snapshotSaved(id(1), logId([2, 3]))).toThrow("I5: node 1 has a snapshot");
    const jumped = status({ id: 3, base: [1, 3] });
    expect(() => checker.stepped(id(3), installing([1, 3], true), jumped)).toThrow(
      "I7: node 3 installs (1, 3)",
    );
    checker.snapshotSaved(id(3), logId([1, 3]));
    expect(() => checker.stepped(id(3), installing([2, 2], false), jumped)).toThrow(
      "I5: node 3 installs (2, 2)",
    );
  });

  it("I3, I5: follows a node over an install, and knows the term before an empty log", () => {
    const checker = threeCommitted();
    checker.snapshotSaved(id(3), logId([1, 3]));
    checker.stepped(id(3), installing([1, 3], true), status({ id: 3, base: [1, 3] }));
    const next = entry([2, 4]);
    const longer = status({ id: 3, base: [1, 3], log: [next], commit: 3 });
    checker.stepped(id(3), written(2, { append: [next] }), longer);
    expect(() => checker.stepped(id(3), installing([1, 3], false), longer)).toThrow(
      "I5: node 3 installs 3 after it applied 3",
    );
    const again = effects({ apply: entries(3, [1]) });
    expect(() => checker.stepped(id(3), again, longer)).toThrow("I5: node 3 applies 3 after 3");
    const wrongly = entries(1, [1, 1, 2, 2]).slice(2);
    const status2 = status({ id: 2, log: [...entries(1, [1, 1]), ...wrongly] });
    expect(() => checker.stepped(id(2), written(1, { append: wrongly }), status2)).toThrow(
      "I3: (2, 4) stands behind term 2 on node 2, elsewhere behind term 1",
    );
  });

  it("I4: takes a leader with a snapshot for complete, not one that lacks what is behind", () => {
    const checker = threeCommitted();
    checker.snapshotSaved(id(3), logId([1, 2]));
    checker.stepped(id(3), installing([1, 2], true), status({ id: 3, base: [1, 2] }));
    expect(() =>
      checker.stepped(id(3), effects({}), status({ id: 3, term: 2, base: [1, 2], leads: true })),
    ).toThrow("I4: leader 3 of term 2 lacks (1, 3)");
  });

  it("I9: refuses a log that begins behind its snapshot, and a state that is older than it", () => {
    const log = entries(1, [1, 1, 1]);
    const purged = { id: 1, log: log.slice(2), base: [1, 2] as Position, commit: 3 };
    const noSnapshot = threeCommitted();
    expect(() => noSnapshot.stepped(id(1), effects({}), status(purged))).toThrow(
      "I9: the log of node 1 begins behind 2, its snapshot ends at 0",
    );
    const checker = threeCommitted();
    checker.snapshotSaved(id(1), logId([1, 2]));
    checker.stepped(id(1), effects({}), status(purged));
    const found = { hardState: undefined, base: logId([1, 2]), entries: log.slice(2) };
    const behind = status({ id: 1, log, commit: 3, applied: 1 });
    const whole = { hardState: undefined, base: origin, entries: log, snapshot: logId([1, 2]) };
    expect(() => checker.started(id(1), whole, behind)).toThrow("I9: node 1 starts at 1");
    checker.started(id(1), { ...found, snapshot: logId([1, 2]) }, status(purged));
  });

  it("I7: expects a start to find the snapshot laid over the log (R9)", () => {
    const restart = (label: Position, found: { base: Position; log: readonly Entry[] }) => {
      const log = entries(1, [1, 1, 1]);
      const checker = started(log, log, entries(1, [1, 2]));
      checker.stepped(id(1), effects({ apply: log }), status({ id: 1, log, commit: 3 }));
      checker.snapshotSaved(id(3), logId(label));
      const { base, log: entries3 } = found;
      const recovered = { hardState: undefined, base: logId(base), entries: entries3 };
      const after = status({ id: 3, base, log: entries3, commit: label[1], applied: label[1] });
      checker.started(id(3), { ...recovered, snapshot: logId(label) }, after);
    };
    restart([1, 3], { base: [1, 3], log: [] }); // the log ends before the label
    restart([1, 2], { base: [1, 2], log: [] }); // another entry stands at the label
    restart([1, 1], { base: [1, 1], log: [entry([2, 2])] }); // its own: the tail stays
    restart([1, 1], { base: [0, 0], log: entries(1, [1, 2]) });
    const lost = "I7: node 3 starts";
    expect(() => restart([1, 2], { base: [0, 0], log: entries(1, [1, 2]) })).toThrow(lost);
    expect(() => restart([1, 1], { base: [1, 1], log: [] })).toThrow(lost);
  });

  it("I7: knows a reset among the batches of a crash", () => {
    const checker = threeCommitted();
    checker.snapshotSaved(id(3), logId([1, 3]));
    checker.stepped(id(3), installing([1, 3], true), status({ id: 3, base: [1, 3] }));
    const next = [entry([2, 4])];
    const longer = status({ id: 3, base: [1, 3], log: next, commit: 3 });
    checker.stepped(id(3), written(2, { append: next }), longer);
    checker.synced(id(3), batch(2));
    const found = { hardState: undefined, base: logId([1, 3]), snapshot: logId([1, 3]) };
    expect(() =>
      checker.started(id(3), { ...found, entries: [] }, status({ id: 3, base: [1, 3] })),
    ).toThrow("I7: node 3 starts");
    checker.started(id(3), { ...found, entries: next }, longer);
  });

  it("I11: refuses to call installed, or to send, what is not durable", () => {
    const checker = threeCommitted();
    const say = (message: Message) => () => checker.sent(id(3), { to: id(1), message });
    const sending = installSnapshot({ term: 0, from: 3, label: [1, 2] });
    expect(say(installed(0, [1, 2]))).toThrow("I11: node 3 says (1, 2) is installed");
    expect(say(sending)).toThrow("I11: node 3 sends a snapshot of (1, 2)");
    say(installed(0, [1, 1]))();
    checker.snapshotSaved(id(3), logId([1, 2]));
    say(installed(0, [1, 2]))();
    say(sending)();
  });

  it("tells how far anybody has committed (I10)", () => {
    const checker = committed();
    expect(checker.committedIndex).toBe(1);
    expect(checker.committedEntry(at(1))).toEqual(entry([1, 1]));
    expect(checker.committedEntry(at(2))).toBeUndefined();
  });
});
