import { common, fromBinary } from "@d-engine/proto";
import { describe, expect, it } from "vitest";
import { decodeEntry } from "../src/index.js";

/** `depth` unknown groups of number 15, one in the other. */
function groups(depth: number): number[] {
  return [...Array(depth).fill(0x7b), ...Array(depth).fill(0x7c)];
}

/** A length-delimited field; up to 16383 bytes. */
function delimited(tag: number, bytes: readonly number[]): number[] {
  return [tag, (bytes.length & 0x7f) | 0x80, bytes.length >> 7, ...bytes];
}

const noop = [0x0a, 0x00];

const places = [
  { name: "Entry", place: (inner: number[]) => [...inner, ...delimited(0x1a, noop)] },
  { name: "EntryPayload", place: (inner: number[]) => delimited(0x1a, [...noop, ...inner]) },
  { name: "Noop", place: (inner: number[]) => delimited(0x1a, delimited(0x0a, inner)) },
];

describe("unknown groups are skipped to the depth that the generated code has", () => {
  it.each(places)("in $name", ({ place }) => {
    const accepted = { ours: 0, generated: 0 };
    for (let depth = 90; depth <= 110; depth++) {
      const bytes = Uint8Array.from(place(groups(depth)));
      if (succeeds(() => decodeEntry(bytes))) accepted.ours = depth;
      if (succeeds(() => fromBinary(common.EntrySchema, bytes))) accepted.generated = depth;
    }
    expect(accepted.ours).toBe(accepted.generated);
    expect(accepted.ours).toBeGreaterThan(90);
    expect(accepted.ours).toBeLessThan(110);
  });
});

function succeeds(decode: () => unknown): boolean {
  try {
    decode();
    return true;
  } catch {
    return false;
  }
}
