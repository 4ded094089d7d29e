import { describe, expect, it } from "vitest";
import { id } from "../../test/support/messages.js";
import type { RequestId } from "../ids.js";
import { ForwardedReads } from "./forwarded-reads.js";

const read = (requestId: number, leaderId = 2, sentMs = 0) => ({
  requestId: requestId as RequestId,
  leaderId: id(leaderId),
  sentMs,
});

describe("ForwardedReads", () => {
  it("never uses an id twice, not even for the same request (scenario 39, R4)", () => {
    const reads = new ForwardedReads(7);
    const first = reads.add(read(1));
    reads.take(first, id(2));
    const second = reads.add(read(1));
    expect(second).not.toEqual(first);
    expect(new ForwardedReads(8).add(read(1))).not.toEqual(first);
  });

  it("gives a read out once", () => {
    const reads = new ForwardedReads(7);
    const asked = reads.add(read(1));
    expect(reads.take(asked, id(2))).toEqual(read(1));
    expect(reads.take(asked, id(2))).toBeUndefined();
    expect(reads.size).toBe(0);
  });

  it.each([
    { name: "an answer of another node", nonce: 7, from: 3 },
    { name: "an answer to another start of this node", nonce: 6, from: 2 },
  ])("ignores $name, and goes on waiting", ({ nonce, from }) => {
    const reads = new ForwardedReads(7);
    const { sequence } = reads.add(read(1));
    expect(reads.take({ nonce, sequence }, id(from))).toBeUndefined();
    expect(reads.size).toBe(1);
  });

  it("gives up what was sent before a time", () => {
    const reads = new ForwardedReads(7);
    for (const sentMs of [10, 20, 30]) reads.add(read(sentMs, 2, sentMs));
    expect(reads.takeOlder(20)).toEqual([read(10, 2, 10)]);
    expect(reads.takeOlder(21)).toEqual([read(20, 2, 20)]);
    expect(reads.size).toBe(1);
  });

  it("gives up what was asked of another leader", () => {
    const reads = new ForwardedReads(7);
    reads.add(read(1, 2));
    reads.add(read(2, 3));
    expect(reads.takeOthers(id(3))).toEqual([read(1, 2)]);
    expect(reads.takeOthers(undefined)).toEqual([read(2, 3)]);
  });
});
