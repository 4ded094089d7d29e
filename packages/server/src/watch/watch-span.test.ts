import { stringToKey } from "@d-engine/codec";
import { describe, expect, it } from "vitest";
import { prefixSpan, watchSpanOf } from "./watch-span.js";

const bytes = stringToKey;

describe("prefixSpan", () => {
  it.each([
    { prefix: "a", holds: ["a", "a\xff\xff"], not: ["b", "A", ""] },
    { prefix: "a\xff", holds: ["a\xff", "a\xff\xff\x00"], not: ["a\xfe", "b"] },
    { prefix: "\xff\xff", holds: ["\xff\xff", "\xff\xff\xffz"], not: ["\xff", "\xff\xfe"] },
    { prefix: "", holds: ["\x00", "a", "\xff\xff"], not: [] },
  ])("holds what begins with $prefix, and no more", ({ prefix, holds, not }) => {
    const span = watchSpanOf(prefixSpan(bytes(prefix)), 10);
    if (span.kind !== "range") throw new Error("a prefix is a range");
    const within = (key: string): boolean => span.from <= key && key < span.to;
    expect(holds.filter(within)).toEqual(holds);
    expect(not.filter(within)).toEqual([]);
  });
});

describe("prefixSpan of a Buffer", () => {
  it("leaves its bytes alone", () => {
    const prefix = Buffer.from("k");
    expect(Buffer.from(prefixSpan(prefix).rangeEnd ?? []).toString()).toBe("l");
    expect(prefix.toString()).toBe("k");
  });
});

describe("watchSpanOf", () => {
  it.each([
    { name: "no key", span: { key: bytes(""), rangeEnd: undefined }, message: /at least 1 byte/ },
    { name: "an empty range", span: { key: bytes("b"), rangeEnd: bytes("b") }, message: /behind/ },
    {
      name: "a range turned round",
      span: { key: bytes("b"), rangeEnd: bytes("a") },
      message: /behind/,
    },
    {
      name: "a key too long",
      span: { key: bytes("12345678901"), rangeEnd: undefined },
      message: /at most 10 bytes .* got 11/,
    },
    {
      name: "an end too long",
      span: { key: bytes("1"), rangeEnd: bytes("12345678901") },
      message: /at most 10/,
    },
  ])("refuses $name", ({ span, message }) => {
    expect(() => watchSpanOf(span, 10)).toThrow(
      expect.objectContaining({ code: "INVALID_REQUEST", message: expect.stringMatching(message) }),
    );
  });
});
