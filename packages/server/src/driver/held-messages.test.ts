import type { BatchId, Envelope, NodeId, Term } from "@d-engine/core";
import { describe, expect, it } from "vitest";
import { HeldMessages } from "./held-messages.js";

function envelope(to: number): Envelope {
  return { to: to as NodeId, message: { kind: "timeoutNow", term: 1 as Term } };
}

describe("HeldMessages", () => {
  it("releases what rests on a durable batch, in order, and nothing else (I11)", () => {
    const held = new HeldMessages(10);
    const sent: number[] = [];
    const release = (batch: number) => held.release(batch as BatchId, ({ to }) => sent.push(to));
    held.hold(3 as BatchId, [envelope(1), envelope(2)]);
    held.hold(5 as BatchId, [envelope(3)]);
    release(2);
    expect(sent).toEqual([]);
    release(4);
    expect(sent).toEqual([1, 2]);
    release(5);
    expect(sent).toEqual([1, 2, 3]);
    expect(held.count).toBe(0);
  });

  it("drops and counts what is beyond its bound", () => {
    const held = new HeldMessages(2);
    held.hold(1 as BatchId, [envelope(1)]);
    held.hold(2 as BatchId, [envelope(2), envelope(3)]);
    held.hold(3 as BatchId, [envelope(4)]);
    const sent: number[] = [];
    held.release(3 as BatchId, ({ to }) => sent.push(to));
    expect(sent).toEqual([1, 4]);
    expect(held.dropped).toBe(2);
  });
});
