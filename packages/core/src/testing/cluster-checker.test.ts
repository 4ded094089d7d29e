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
  inTerm,
  logId,
  matched,
  preVote,
  requestVote,
  voteAnswer,
} from "../../test/support/messages.js";
import type { Effects } from "../effects.js";
import type { Entry } from "../entry.js";
import type { RaftStatus } from "../status.js";
import { ClusterChecker } from "./cluster-checker.js";

/** A status that is consistent in itself. */
function status(fields: {
  readonly id: number;
  readonly term?: number;
  readonly log?: readonly Entry[];
  readonly commit?: number;
  readonly leads?: boolean;
}): RaftStatus {
  const last = fields.log?.at(-1);
  return {
    id: id(fields.id),
    role: fields.leads === true ? "leader" : "follower",
    term: inTerm(fields.term ?? last?.term ?? 0),
    votedFor: fields.leads === true ? id(fields.id) : undefined,
    leaderId: fields.leads === true ? id(fields.id) : undefined,
    leaderReady: false,
    base: logId([0, 0]),
    last: logId([last?.term ?? 0, last?.index ?? 0]),
    commitIndex: at(fields.commit ?? 0),
    appliedIndex: at(0),
    durableIndex: at(0),
    configuration: bootstrap,
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

  it("tells how far anybody has committed (I10)", () => {
    const checker = committed();
    expect(checker.committedIndex).toBe(1);
    expect(checker.committedEntry(at(1))).toEqual(entry([1, 1]));
    expect(checker.committedEntry(at(2))).toBeUndefined();
  });
});
