import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { KeyFilter } from "./key-filter.js";

describe("KeyFilter", () => {
  it("never denies a key of the set", () => {
    const key = fc.string({ unit: fc.constantFrom("a", "b", "/", "\u00ff"), maxLength: 12 });
    fc.assert(
      fc.property(fc.array(fc.tuple(key, fc.boolean()), { maxLength: 200 }), (steps) => {
        const filter = new KeyFilter();
        const set = new Set<string>();
        for (const [name, add] of steps) {
          if (add && !set.has(name)) filter.add(name);
          else if (!add && set.has(name)) filter.delete(name);
          if (add) set.add(name);
          else set.delete(name);
        }
        for (const name of set) expect(filter.mayHave(name)).toBe(true);
      }),
    );
  });

  it("denies what was taken out, and most of what was never in", () => {
    const filter = new KeyFilter();
    const named = (n: number) => `service/node-${String(n).padStart(6, "0")}`;
    for (let n = 0; n < 10_000; n++) filter.add(named(n));
    let mistaken = 0;
    for (let n = 10_000; n < 20_000; n++) if (filter.mayHave(named(n))) mistaken++;
    expect(mistaken).toBeLessThan(2_500);
    for (let n = 0; n < 10_000; n++) filter.delete(named(n));
    for (let n = 0; n < 10_000; n++) expect(filter.mayHave(named(n))).toBe(false);
  });

  it("denies nothing in a cell that was full once", () => {
    const filter = new KeyFilter();
    // Of one length and with one end: all in the same cell.
    const named = (n: number) => `${String(n).padStart(3, "0")}/the same`;
    for (let n = 0; n < 300; n++) filter.add(named(n));
    for (let n = 0; n < 299; n++) filter.delete(named(n));
    expect(filter.mayHave(named(299))).toBe(true);
  });
});
