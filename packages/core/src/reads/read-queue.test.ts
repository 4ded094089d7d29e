import { describe, expect, it } from "vitest";
import { at, id } from "../../test/support/messages.js";
import type { RequestId } from "../ids.js";
import { type ReadOrigin, ReadQueue } from "./read-queue.js";

const local = (requestId: number): ReadOrigin => ({
  kind: "local",
  requestId: requestId as RequestId,
});

describe("ReadQueue", () => {
  it("gives up to a round what waits for it, in order of arrival", () => {
    const queue = new ReadQueue();
    queue.add({ origin: local(1), index: at(5), round: 3 });
    queue.add({ origin: local(2), index: at(6), round: 4 });
    queue.add({ origin: local(3), index: at(6), round: 4 });
    expect(queue.takeConfirmed(2)).toEqual([]);
    expect(queue.takeConfirmed(3).map((read) => read.origin)).toEqual([local(1)]);
    expect(queue.newestRound).toBe(4);
    expect(queue.takeConfirmed(9).map((read) => read.origin)).toEqual([local(2), local(3)]);
    expect(queue).toMatchObject({ size: 0, newestRound: 0 });
  });

  it("keeps what came before the noop apart (scenario 37)", () => {
    const queue = new ReadQueue();
    queue.park(local(1));
    expect(queue).toMatchObject({ size: 1, newestRound: 0 });
    expect(queue.takeConfirmed(99)).toEqual([]);
    expect(queue.takeParked()).toEqual([local(1)]);
    expect(queue.takeParked()).toEqual([]);
  });

  it("gives everybody up when leadership ends", () => {
    const queue = new ReadQueue();
    const peer: ReadOrigin = { kind: "peer", from: id(2), id: { nonce: 1, sequence: 1 } };
    queue.park(local(1));
    queue.add({ origin: peer, index: at(5), round: 3 });
    expect(queue.takeAll()).toEqual([peer, local(1)]);
    expect(queue.size).toBe(0);
  });
});
