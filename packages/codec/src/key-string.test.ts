import { InvariantViolation } from "@d-engine/core";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { keyToString, stringToKey } from "./key-string.js";

describe("keyToString and stringToKey", () => {
  it.each([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 16, 64, 4095, 4096, 4097, 20_000])(
    "map %i bytes to as many characters and back",
    (length) => {
      const key = Uint8Array.from({ length }, (_, i) => (i * 37 + length) & 0xff);
      const text = keyToString(key);
      expect(text).toBe(Buffer.from(key).toString("latin1"));
      expect(stringToKey(text)).toEqual(key);
    },
  );

  it.each([0, 1, 7, 8, 12, 13, 100])(
    "take a part of %i bytes as they take a whole key",
    (length) => {
      const key = Uint8Array.from({ length: 130 }, (_, i) => 255 - i);
      expect(keyToString(key, 3, 3 + length)).toBe(keyToString(key.slice(3, 3 + length)));
    },
  );

  it("keep the order of the bytes", () => {
    const key = fc.uint8Array({ maxLength: 20 });
    fc.assert(
      fc.property(key, key, (a, b) => {
        const [left, right] = [keyToString(a), keyToString(b)];
        const order = left < right ? -1 : left > right ? 1 : 0;
        expect(order).toBe(Buffer.compare(a, b));
      }),
    );
  });

  it("stop at a character that is no byte", () => {
    expect(() => stringToKey("a\u0100")).toThrow(InvariantViolation);
  });
});
