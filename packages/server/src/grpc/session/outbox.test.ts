import { decodeSessionResponse, type SessionResult, Slab } from "@d-engine/codec";
import { beforeEach, describe, expect, it } from "vitest";
import { LongResult } from "./long-result.js";
import { Outbox, responseBytesMax } from "./outbox.js";

const unsentBytesMax = 2 * responseBytesMax;
const value = new Uint8Array(100_000);

let written: Uint8Array[];
let taken: (() => void)[];
let answered: number[];
let behind: boolean[];
let outbox: Outbox;

beforeEach(() => {
  [written, taken, answered, behind] = [[], [], [], []];
  outbox = new Outbox({
    unsentBytesMax,
    write: (bytes, done) => {
      written.push(bytes);
      taken.push(done);
    },
    answered: (id) => answered.push(id),
    behind: (isBehind) => behind.push(isBehind),
  });
});

describe("an outbox", () => {
  it("sends what gathers within a turn as one message", async () => {
    for (let id = 1; id <= 1_000; id += 1) outbox.add(write(id));
    expect(written).toEqual([]);
    await turn();
    expect(written).toHaveLength(1);
    expect(ids()).toEqual(answered);
    expect(answered).toHaveLength(1_000);
    expect(outbox.isEmpty).toBe(true);
  });

  it("hands over no more than its bound while the connection takes nothing", async () => {
    outbox.addLong(new LongResult(1, { kind: "read", elements: Array(100).fill(value) }));
    await turn();
    const sum = (): number => written.reduce((bytes, message) => bytes + message.length, 0);
    expect(sum()).toBeGreaterThanOrEqual(unsentBytesMax - value.length);
    expect(sum()).toBeLessThan(unsentBytesMax + responseBytesMax);
    expect(behind).toEqual([true]);
    expect(answered).toEqual([]);
    while (taken.length > 0) taken.shift()?.();
    expect(behind).toEqual([true, false]);
    expect(answered).toEqual([1]);
    expect(ids().every((id) => id === 1)).toBe(true);
    expect(Math.max(...written.map((message) => message.length))).toBeLessThan(responseBytesMax);
  });

  it("sends a single value that is larger than a message should be", async () => {
    const large = new Uint8Array(3 * responseBytesMax);
    outbox.addLong(new LongResult(1, { kind: "read", elements: [value, large, value] }));
    await turn();
    while (taken.length > 0) taken.shift()?.();
    expect(written.map((message) => message.length > large.length)).toEqual([false, true, false]);
    expect(answered).toEqual([1]);
  });

  it("sends nothing after it is closed", async () => {
    outbox.add(write(1));
    outbox.close();
    outbox.add(write(2));
    await turn();
    expect(written).toEqual([]);
    expect(outbox.isEmpty).toBe(true);
  });
});

function write(id: number): SessionResult {
  return { kind: "write", id, succeeded: true, revision: id, existed: false };
}

function ids(): number[] {
  const slab = new Slab();
  return written.flatMap((bytes) => decodeSessionResponse(bytes, slab).results.map(({ id }) => id));
}

function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
