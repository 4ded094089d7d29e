import { isEngineError } from "@d-engine/core";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Bytes } from "./engine-client.js";
import { toBytes, toText } from "./to-bytes.js";

describe("toBytes", () => {
  it("encodes a string as UTF-8, and toText reads it back", () => {
    fc.assert(
      fc.property(fc.string({ unit: "grapheme" }), (text) => {
        expect(Buffer.from(toBytes(text, "key")).equals(Buffer.from(text, "utf8"))).toBe(true);
        expect(toText(toBytes(text, "key"), "value")).toBe(text);
      }),
    );
  });

  it("passes a byte array on as it is", () => {
    const bytes = Uint8Array.of(0, 255);
    expect(toBytes(bytes, "key")).toBe(bytes);
  });

  it.each([
    { name: "a lone high surrogate", value: "a\ud800" },
    { name: "a lone low surrogate", value: "\udc00z" },
    { name: "a number", value: 7 },
    { name: "null", value: null },
    { name: "undefined", value: undefined },
  ])("refuses $name by name", ({ value }) => {
    const attempt = () => toBytes(value as Bytes, "key");
    expect(attempt).toThrow(/^key /);
    expect(attempt).toThrow(expect.objectContaining({ code: "INVALID_REQUEST" }));
  });
});

describe("toText", () => {
  it("keeps a byte order mark", () => {
    expect(toText(Uint8Array.of(0xef, 0xbb, 0xbf, 0x61), "value")).toBe("\ufeffa");
  });

  it("refuses bytes that are not UTF-8 instead of replacing them", () => {
    try {
      toText(Uint8Array.of(0x61, 0xff), "the value");
      expect.unreachable();
    } catch (error) {
      expect(isEngineError(error, "INVALID_RESPONSE")).toBe(true);
      expect(error).toMatchObject({ outcome: "rejected" });
    }
  });
});
