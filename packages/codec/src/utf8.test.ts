import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { CodecError } from "./codec-error.js";
import { bytesToUtf8, utf8Size, utf8ToBytes } from "./utf8.js";

const platform = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

describe("utf8ToBytes and bytesToUtf8", () => {
  it("encode as the platform does, and read it back", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary", maxLength: 200 }), (text) => {
        const bytes = utf8ToBytes(text);
        expect(bytes).toEqual(new TextEncoder().encode(text));
        expect(utf8Size(text, "text")).toBe(bytes.length);
        expect(bytesToUtf8(bytes)).toBe(text);
      }),
    );
  });

  it("accept every code point but the surrogates", () => {
    for (let point = 0; point <= 0x10_ffff; point += point < 0x1_0000 ? 1 : 61) {
      if (point >= 0xd800 && point <= 0xdfff) continue;
      const text = String.fromCodePoint(point);
      if (bytesToUtf8(utf8ToBytes(text)) !== text) expect.fail(`U+${point.toString(16)}`);
    }
  });

  it.each(["\ud800", "a\udc00", "\udbffx", "\udc00\ud800", "\ud800\ud800\udc00"])(
    "refuse to encode lone surrogates: %j",
    (text) => {
      expect(() => utf8ToBytes(text, "AddNode.address")).toThrow(CodecError);
      expect(() => utf8ToBytes(text, "AddNode.address")).toThrow(/^AddNode.address: lone surrog/);
    },
  );

  it("agree with the platform on which bytes are UTF-8", () => {
    const lead = fc.constantFrom(0x00, 0x7f, 0x80, 0xbf, 0xc0, 0xc1, 0xc2, 0xdf, 0xe0, 0xed, 0xef);
    const far = fc.constantFrom(0xf0, 0xf4, 0xf5, 0xff, 0x8f, 0x90, 0x9f, 0xa0);
    const byte = fc.oneof(lead, far, fc.nat({ max: 255 }));
    const some = fc.array(byte, { maxLength: 8 }).map((bytes) => Uint8Array.from(bytes));
    fc.assert(
      fc.property(some, (bytes) => {
        expect(attempt(() => bytesToUtf8(bytes))).toBe(attempt(() => platform.decode(bytes)));
      }),
      { numRuns: 5000 },
    );
  });

  it("names the offset of the first bad byte", () => {
    expect(() => bytesToUtf8(Uint8Array.of(0x61, 0xc3, 0xa9, 0xff), "AddNode.address")).toThrow(
      "AddNode.address at byte 3: not UTF-8",
    );
  });
});

function attempt(decode: () => string): string | undefined {
  try {
    return decode();
  } catch {
    return undefined;
  }
}
