import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { keys, prefixes } from "../test/operations.js";
import { prefixRange } from "./prefix-range.js";

const inside = (key: string, prefix: string, after?: string): boolean => {
  const { from, to } = prefixRange(prefix, after);
  return key >= from && key < to;
};

describe("prefixRange", () => {
  it.each([
    { name: "the prefix itself", prefix: "ab", key: "ab", holds: true },
    { name: "the prefix and 0x00", prefix: "ab", key: "ab\0", holds: true },
    {
      name: "the prefix and many 0xff",
      prefix: "ab",
      key: `ab${"\xff".repeat(4094)}`,
      holds: true,
    },
    { name: "the next prefix", prefix: "ab", key: "ac", holds: false },
    { name: "a shorter key", prefix: "ab", key: "a", holds: false },
    { name: "a longer key before", prefix: "ab", key: "aa\xff", holds: false },
    { name: "0xff under 0xff", prefix: "\xff", key: "\xff\xff", holds: true },
    { name: "the last of all prefixes", prefix: "\xff\xff", key: "\xff\xff\xff", holds: true },
    { name: "a shorter 0xff", prefix: "\xff\xff", key: "\xff", holds: false },
    { name: "what a carry would reach", prefix: "a\xff", key: "b", holds: false },
    { name: "the byte before 0xff", prefix: "a\xff", key: "a\xfe\xff", holds: false },
    { name: "0x80 under 0x7f", prefix: "\x7f", key: "\x80", holds: false },
    { name: "the first key under no prefix", prefix: "", key: "\0", holds: true },
    { name: "the last key under no prefix", prefix: "", key: "\xff".repeat(4096), holds: true },
  ])("of a prefix: $name", ({ prefix, key, holds }) => {
    expect(inside(key, prefix)).toBe(holds);
  });

  it("holds exactly the keys that begin with the prefix and come after the given one", () => {
    const afters = fc.option(keys, { nil: undefined });
    fc.assert(
      fc.property(keys, prefixes, afters, (key, prefix, after) => {
        const expected = key.startsWith(prefix) && (after === undefined || key > after);
        expect(inside(key, prefix, after)).toBe(expected);
      }),
      { numRuns: 3000 },
    );
  });
});
