import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { aboveEveryByte, type KeyRange, lowestByte } from "../prefix-range.js";
import { KeyRanges } from "./key-ranges.js";

const alphabet = ["\u0000", "a", "b", "\u00ff"];
const keyText = fc.string({ unit: fc.constantFrom(...alphabet), maxLength: 3 });

/** As permissions have them. */
const grantedRange: fc.Arbitrary<KeyRange> = fc.oneof(
  keyText.map((key) => ({ from: key, to: key + lowestByte })),
  keyText.map((key) => ({ from: key, to: aboveEveryByte })),
  fc.tuple(keyText, keyText).map(([from, to]) => ({ from, to })),
);

/** Scans of a prefix have a bound that no key can be. */
const askedRange = fc.oneof(
  grantedRange,
  keyText.map((key) => ({ from: key, to: key + aboveEveryByte })),
);

/** Every key over the alphabet that is as long as any bound can tell apart. */
function keysUpTo(length: number): string[] {
  if (length === 0) return [""];
  const shorter = keysUpTo(length - 1);
  const longest = shorter.filter((key) => key.length === length - 1);
  return [...shorter, ...longest.flatMap((key) => alphabet.map((unit) => key + unit))];
}

const allKeys = keysUpTo(5);

describe("KeyRanges", () => {
  it("covers what its slow twin does, which looks at every key", () => {
    const seen = { covered: 0, refused: 0 };
    fc.assert(
      fc.property(fc.array(grantedRange, { maxLength: 6 }), askedRange, (granted, asked) => {
        const within = ({ from, to }: KeyRange, key: string) => key >= from && key < to;
        const keys = allKeys.filter((key) => key !== "" && within(asked, key));
        if (keys.length === 0) return;
        const expected = keys.every((key) => granted.some((one) => within(one, key)));
        expect(new KeyRanges(granted).covers(asked)).toBe(expected);
        seen[expected ? "covered" : "refused"] += 1;
      }),
      { numRuns: 2_000 },
    );
    expect(seen.covered).toBeGreaterThan(200);
    expect(seen.refused).toBeGreaterThan(200);
  });

  it.each([
    { name: "nothing by no range", granted: [], asked: ["a", "b"], covered: false },
    {
      name: "what two that touch share",
      granted: [
        ["a", "c"],
        ["c", "e"],
      ],
      asked: ["b", "d"],
      covered: true,
    },
    {
      name: "not what lies in a gap",
      granted: [
        ["a", "b"],
        ["c", "e"],
      ],
      asked: ["a", "d"],
      covered: false,
    },
    {
      name: "an empty range only where it lies within",
      granted: [["a", "b"]],
      asked: ["c", "c"],
      covered: false,
    },
  ])("covers $name", ({ granted, asked, covered }) => {
    const rangeOf = ([from, to]: readonly string[]): KeyRange => ({ from: from!, to: to! });
    expect(new KeyRanges(granted.map(rangeOf)).covers(rangeOf(asked))).toBe(covered);
  });
});
