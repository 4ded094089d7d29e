import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { escaped, jsonBytes, plainTextOf } from "./printable.js";

describe("plainTextOf", () => {
  it.each([
    { name: "ASCII", bytes: "a b", plain: true },
    { name: "letters of any script", bytes: "héllo 世界 🙂", plain: true },
    { name: "line ends and tabs", bytes: "a\n\tb", plain: true },
    { name: "an escape sequence that a terminal would obey", bytes: "\u001b[2J", plain: false },
    { name: "a C1 control character", bytes: "\u009b2J", plain: false },
    { name: "a carriage return, which overwrites the line", bytes: "safe\rdanger", plain: false },
    { name: "a mark that turns text around", bytes: "a\u202eb", plain: false },
  ])("takes $name: $plain", ({ bytes, plain }) => {
    expect(plainTextOf(Buffer.from(bytes)) !== undefined).toBe(plain);
  });
});

describe("escaped", () => {
  it.each([
    { bytes: Buffer.from("plain 世界"), shown: "plain 世界" },
    { bytes: Buffer.from("a\\b\n\t"), shown: "a\\\\b\\n\\t" },
    { bytes: Buffer.of(0, 0x61, 0xff), shown: "\\x00a\\xff" },
    { bytes: Buffer.of(), shown: "" },
  ])("shows $shown", ({ bytes, shown }) => {
    expect(escaped(bytes)).toBe(shown);
  });

  it("gives different bytes different lines, each a single one without control characters", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 8 }), fc.uint8Array({ maxLength: 8 }), (a, b) => {
        expect(escaped(a)).not.toMatch(/\p{Control}/u);
        expect(escaped(a) === escaped(b)).toBe(Buffer.compare(a, b) === 0);
      }),
    );
  });
});

describe("jsonBytes", () => {
  it("names text and base64 apart", () => {
    expect(jsonBytes("value", Buffer.from("é"))).toEqual({ value: "é" });
    expect(jsonBytes("value", Buffer.of(0xff))).toEqual({ valueBase64: "/w==" });
  });
});
