import type { LogIndex, RequestId } from "@d-engine/core";
import { describe, expect, it } from "vitest";
import { ReadQueue } from "./read-queue.js";
import { follow, told } from "./testing/outcome.js";

const at = (index: number) => index as LogIndex;
const id = (request: number) => request as RequestId;

/** A queue, and how to add a read that notes when it was served. */
function newQueue(requestsMax = 10) {
  const queue = new ReadQueue(requestsMax);
  const served: string[] = [];
  const read = (name: string, deadlineMs = 1_000) =>
    follow(queue.add(() => served.push(name), deadlineMs, undefined).promise);
  return { queue, served, read };
}

describe("ReadQueue", () => {
  it("serves a batch only when its index is applied here (I10, scenario 40)", () => {
    const { queue, served, read } = newQueue();
    read("a");
    read("b");
    queue.ask(id(1));
    queue.confirmed(id(1), at(7), at(5));
    expect(served).toEqual([]);
    queue.applied(at(6));
    expect(served).toEqual([]);
    queue.applied(at(7));
    expect(served).toEqual(["a", "b"]);
    expect(queue.gauge.count).toBe(0);
  });

  it("does not let a later read join a batch that has asked already (I10)", () => {
    const { queue, served, read } = newQueue();
    read("early");
    queue.ask(id(1));
    read("late");
    queue.confirmed(id(1), at(3), at(3));
    expect(served).toEqual(["early"]);
    expect(queue.wantsIndex).toBe(true);
    queue.ask(id(2));
    queue.confirmed(id(2), at(4), at(4));
    expect(served).toEqual(["early", "late"]);
  });

  it("serves answers that come in another order than the questions", () => {
    const { queue, served, read } = newQueue();
    read("first");
    queue.ask(id(1));
    read("second");
    queue.ask(id(2));
    queue.confirmed(id(2), at(9), at(1));
    queue.confirmed(id(1), at(4), at(1));
    queue.applied(at(5));
    expect(served).toEqual(["first"]);
    queue.applied(at(9));
    expect(served).toEqual(["first", "second"]);
  });

  it("holds further requests back while requestsMax are unanswered", () => {
    const { queue, read } = newQueue(1);
    read("a");
    queue.ask(id(1));
    read("b");
    expect(queue.wantsIndex).toBe(false);
    queue.confirmed(id(1), at(1), at(1));
    expect(queue.wantsIndex).toBe(true);
  });

  it("ends what is due wherever it waits, and serves the rest", async () => {
    const { queue, served, read } = newQueue();
    const calls = [read("asked", 10), read("asked too", 30)];
    queue.ask(id(1));
    calls.push(read("open", 10));
    queue.expire(10);
    queue.confirmed(id(1), at(1), at(1));
    queue.ask(id(2));
    queue.refused(id(2), new Error("nobody is left to hear this"));
    await new Promise((resolve) => setImmediate(resolve));
    expect(calls.map((call) => told(call()))).toEqual([
      "CLUSTER_UNAVAILABLE rejected",
      "resolved",
      "CLUSTER_UNAVAILABLE rejected",
    ]);
    expect(served).toEqual(["asked too"]);
  });
});
