import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { RangeIndex } from "./range-index.js";

describe("RangeIndex", () => {
  it("finds what a look at every range finds, whatever was added and removed", () => {
    const edge = fc.string({ unit: fc.constantFrom("a", "b", "c"), maxLength: 3 });
    const steps = fc.array(
      fc.record({ add: fc.boolean(), from: edge, to: edge, key: edge, pick: fc.nat() }),
      { maxLength: 80 },
    );
    fc.assert(
      fc.property(steps, (plan) => {
        const index = new RangeIndex<Range>();
        const kept: Range[] = [];
        for (const { add, from, to, key, pick } of plan) {
          const gone = kept[pick % Math.max(1, kept.length)];
          if (add || gone === undefined) {
            const range = { from, to };
            kept.push(range);
            index.add(from, to, range);
          } else {
            kept.splice(kept.indexOf(gone), 1);
            index.remove(gone.from, gone.to, gone);
          }
          const found = new Set<Range>();
          index.visit(key, (range) => {
            expect(found.has(range)).toBe(false);
            found.add(range);
          });
          expect(found).toEqual(new Set(kept.filter((one) => one.from <= key && key < one.to)));
          expect(index.isEmpty).toBe(kept.length === 0);
        }
      }),
      { numRuns: 300 },
    );
  });

  it("looks at a few of 10,000 ranges, also when they were added in order", () => {
    const index = new RangeIndex<number>();
    let looks = 0;
    for (let at = 0; at < 10_000; at += 1) {
      const name = String(at).padStart(5, "0");
      index.add(
        counting(`${name}/`, () => (looks += 1)),
        `${name}0`,
        at,
      );
    }
    looks = 0;
    const found: number[] = [];
    index.visit("07777/x", (item) => found.push(item));
    expect(found).toEqual([7_777]);
    expect(looks).toBeLessThan(40);
  });
});

interface Range {
  readonly from: string;
  readonly to: string;
}

/** A string that tells when it is compared. */
function counting(text: string, compared: () => void): string {
  const object = {
    [Symbol.toPrimitive]: () => {
      compared();
      return text;
    },
  };
  return object as unknown as string;
}
