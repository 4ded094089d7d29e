import {
  type Entry,
  InvariantViolation,
  type LogIndex,
  NOOP,
  type RequestId,
  type Term,
} from "@d-engine/core";
import { describe, expect, it } from "vitest";
import { ProposalQueue } from "./proposal-queue.js";
import { follow, told } from "./testing/outcome.js";

const limits = { entriesMax: 100, bytesMax: 1_000 };

/** A queue whose proposals of `counts` commands each are accepted in `terms`, one after the other. */
function accepted(...batches: { term: number; first: number; count: number }[]) {
  const queue = new ProposalQueue<string>(limits);
  const calls: (() => ReturnType<ReturnType<typeof follow>>)[] = [];
  for (const [at, { term, first, count }] of batches.entries()) {
    const requestId = (at + 1) as RequestId;
    for (let left = count; left > 0; left -= 1) {
      calls.push(follow(queue.add(Uint8Array.of(at), 1_000, String, undefined).promise));
    }
    expect(queue.take(requestId)).toHaveLength(count);
    queue.accepted(requestId, term as Term, first as LogIndex);
  }
  const standings = async () => {
    await new Promise((resolve) => setImmediate(resolve));
    return calls.map((call) => told(call()));
  };
  return { queue, standings };
}

function command(index: number, term: number): Entry {
  const payload = { kind: "command", command: Uint8Array.of(index) } as const;
  return { index: index as LogIndex, term: term as Term, payload };
}

function noop(index: number, term: number): Entry {
  return { index: index as LogIndex, term: term as Term, payload: NOOP };
}

describe("ProposalQueue.applied", () => {
  it("resolves the waiter of exactly this index and term", async () => {
    const { queue, standings } = accepted({ term: 1, first: 5, count: 3 });
    queue.applied(command(4, 1), "of somebody else");
    queue.applied(command(5, 1), "first");
    expect(await standings()).toEqual(["resolved", "pending", "pending"]);
    queue.applied(command(6, 1), "second");
    queue.applied(command(7, 1), "third");
    expect(await standings()).toEqual(["resolved", "resolved", "resolved"]);
  });

  it("rejects the rest of a batch when a later term takes the place of one of it", async () => {
    const { queue, standings } = accepted({ term: 1, first: 5, count: 3 });
    queue.applied(command(5, 1), "kept");
    queue.applied(noop(6, 2), undefined);
    expect(await standings()).toEqual([
      "resolved",
      "PROPOSE_FAILED rejected",
      "PROPOSE_FAILED rejected",
    ]);
  });

  it("rejects batches behind the overwritten place too, but not those of the later term", async () => {
    const { queue, standings } = accepted(
      { term: 1, first: 5, count: 1 },
      { term: 1, first: 6, count: 1 },
      { term: 3, first: 8, count: 1 },
    );
    queue.applied(noop(4, 3), undefined);
    expect(await standings()).toEqual([
      "PROPOSE_FAILED rejected",
      "PROPOSE_FAILED rejected",
      "pending",
    ]);
    queue.applied(command(8, 3), "ours");
    expect((await standings())[2]).toBe("resolved");
  });

  it("rejects what an older term's entry took the place of (scenario 1, seed 501934)", async () => {
    // We led term 3 without having seen 5 and 6 of term 2; the leader of term 4 had them.
    const { queue, standings } = accepted(
      { term: 3, first: 5, count: 1 },
      { term: 3, first: 6, count: 2 },
      { term: 5, first: 8, count: 1 },
    );
    queue.applied(command(4, 2), "before ours");
    expect(await standings()).toEqual(Array(4).fill("pending"));
    queue.applied(command(5, 2), "of term 2");
    expect((await standings()).slice(0, 2)).toEqual(["PROPOSE_FAILED rejected", "pending"]);
    queue.applied(command(6, 2), "of term 2");
    queue.applied(noop(7, 4), undefined);
    queue.applied(command(8, 5), "ours");
    expect(await standings()).toEqual([...Array(3).fill("PROPOSE_FAILED rejected"), "resolved"]);
  });

  it("stops when an entry is left out", () => {
    const { queue } = accepted({ term: 2, first: 5, count: 3 });
    expect(() => queue.applied(command(6, 2), "too early")).toThrow(InvariantViolation);
  });
});

describe("ProposalQueue.skipped", () => {
  it("says OUTCOME_UNKNOWN for what a snapshot covers, and leaves the rest", async () => {
    const { queue, standings } = accepted(
      { term: 1, first: 5, count: 2 },
      { term: 1, first: 7, count: 2 },
    );
    queue.skipped(7 as LogIndex);
    expect(await standings()).toEqual([
      "OUTCOME_UNKNOWN unknown",
      "OUTCOME_UNKNOWN unknown",
      "OUTCOME_UNKNOWN unknown",
      "pending",
    ]);
    queue.applied(command(8, 1), "still ours");
    expect((await standings())[3]).toBe("resolved");
  });
});

describe("ProposalQueue.expire", () => {
  it("keeps what is not due, and counts only what somebody waits for", async () => {
    const queue = new ProposalQueue<string>(limits);
    const calls = [10, 20, 30].map((deadlineMs) =>
      follow(queue.add(Uint8Array.of(1, 2), deadlineMs, String, undefined).promise),
    );
    expect(queue.gauge).toMatchObject({ count: 3, bytes: 6 });
    queue.expire(20);
    expect(queue.gauge).toMatchObject({ count: 1, bytes: 2 });
    expect(queue.take(1 as RequestId)).toHaveLength(1);
    queue.accepted(1 as RequestId, 1 as Term, 9 as LogIndex);
    queue.expire(29);
    queue.applied(command(9, 1), "in time");
    await new Promise((resolve) => setImmediate(resolve));
    expect(calls.map((call) => told(call()))).toEqual([
      "CLUSTER_UNAVAILABLE rejected",
      "CLUSTER_UNAVAILABLE rejected",
      "resolved",
    ]);
    expect(queue.gauge).toMatchObject({ count: 0, bytes: 0 });
  });

  it("forgets a batch that nobody waits for, and survives its application", () => {
    const { queue } = accepted({ term: 1, first: 5, count: 2 });
    queue.expire(1_000);
    expect(queue.promises()).toEqual([]);
    expect(() => queue.applied(command(6, 1), "late")).not.toThrow();
  });
});

describe("ProposalQueue.take", () => {
  it("cuts at entriesMax and at bytesMax, and lets a larger command go alone", () => {
    const queue = new ProposalQueue<string>({ entriesMax: 2, bytesMax: 10 });
    for (const bytes of [1, 1, 1, 9, 1, 50, 1]) {
      queue.add(new Uint8Array(bytes), 1_000, String, undefined);
    }
    const sizes: number[][] = [];
    for (let id = 1; queue.hasQueued; id += 1) {
      sizes.push((queue.take(id as RequestId) ?? []).map((each) => each.length));
    }
    expect(sizes).toEqual([[1, 1], [1, 9], [1], [50], [1]]);
  });
});
