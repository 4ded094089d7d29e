import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { at, batch } from "../../test/support/messages.js";
import { Durability } from "./durability.js";

describe("Durability", () => {
  it("knows what is durable by the acknowledged batch", () => {
    const durability = new Durability(at(3));
    durability.issued(batch(1), at(5));
    durability.issued(batch(2), at(8));
    expect(durability).toMatchObject({ index: 3, batch: 0, pendingCount: 2 });
    durability.persisted(batch(1));
    expect(durability).toMatchObject({ index: 5, batch: 1, pendingCount: 1 });
  });

  it("takes one acknowledgement for all batches before it", () => {
    const durability = new Durability(at(0));
    durability.issued(batch(1), at(1));
    durability.issued(batch(2), at(2));
    durability.persisted(batch(2));
    expect(durability).toMatchObject({ index: 2, batch: 2, pendingCount: 0 });
    durability.persisted(batch(1)); // overtaken: nothing goes back
    expect(durability).toMatchObject({ index: 2, batch: 2 });
  });

  it("lets no earlier write vouch for a replaced entry (scenario 18)", () => {
    const durability = new Durability(at(4));
    durability.issued(batch(1), at(6)); // 5 and 6 of term 1
    durability.truncatedFrom(at(5));
    durability.issued(batch(2), at(5)); // 5 of term 2
    durability.persisted(batch(1));
    expect(durability.index).toBe(4);
    durability.persisted(batch(2));
    expect(durability.index).toBe(5);
  });

  it("lets nothing durable stand that was replaced", () => {
    const durability = new Durability(at(9));
    durability.truncatedFrom(at(4));
    expect(durability.index).toBe(3);
  });

  it("stays with what was replaced twice (ABA)", () => {
    const durability = new Durability(at(0));
    durability.issued(batch(1), at(2));
    durability.truncatedFrom(at(2));
    durability.issued(batch(2), at(3));
    durability.truncatedFrom(at(1));
    durability.issued(batch(3), at(3));
    durability.persisted(batch(2));
    expect(durability.index).toBe(0);
    durability.persisted(batch(3));
    expect(durability.index).toBe(3);
  });

  it("takes a reset for durable, and no write from before it (18, with a reset)", () => {
    const durability = new Durability(at(2));
    durability.issued(batch(1), at(20)); // 3 to 20, with an entry at 10 that is not the label's
    durability.reset(at(10));
    expect(durability.index).toBe(10);
    durability.issued(batch(2), at(10)); // the reset itself
    durability.issued(batch(3), at(12));
    durability.persisted(batch(1));
    expect(durability.index).toBe(10);
    durability.persisted(batch(3));
    expect(durability.index).toBe(12);
  });

  it("lets a reset raise it over a shorter log, and nothing under way lower it", () => {
    const durability = new Durability(at(2));
    durability.issued(batch(1), at(4));
    durability.reset(at(10));
    durability.persisted(batch(1));
    expect(durability.index).toBe(10);
  });

  it("counts what a snapshot covers, and goes back for none", () => {
    const durability = new Durability(at(2));
    durability.issued(batch(1), at(9));
    durability.covered(at(5));
    expect(durability.index).toBe(5);
    durability.covered(at(4));
    expect(durability.index).toBe(5);
    durability.persisted(batch(1));
    expect(durability.index).toBe(9);
  });

  it("refuses batches out of order and acknowledgements of nothing", () => {
    const durability = new Durability(at(0));
    durability.issued(batch(2), at(1));
    expect(() => durability.issued(batch(2), at(1))).toThrow("batch 2 issued after 2");
    expect(() => durability.persisted(batch(1))).toThrow("acknowledged but never issued");
  });

  it("never vouches for an entry that the disk has with another term", () => {
    const change = fc.oneof(
      fc.record({ kind: fc.constant("write" as const), from: fc.nat(8), count: fc.nat(4) }),
      fc.record({ kind: fc.constant("persist" as const), count: fc.integer({ min: 1, max: 3 }) }),
    );
    fc.assert(
      fc.property(fc.array(change, { maxLength: 30 }), (changes) => {
        const durability = new Durability(at(0));
        const memory: number[] = [];
        const disk: number[] = [];
        const pending: { batch: number; from: number; terms: number[] }[] = [];
        let issued = 0;
        for (const step of changes) {
          if (step.kind === "write") {
            const from = Math.min(step.from, memory.length);
            if (from < memory.length) durability.truncatedFrom(at(from + 1));
            const terms = new Array<number>(step.count + 1).fill(issued + 1);
            memory.splice(from, Number.POSITIVE_INFINITY, ...terms);
            durability.issued(batch(++issued), at(memory.length));
            pending.push({ batch: issued, from, terms });
          } else {
            const done = pending.splice(0, step.count);
            for (const write of done) {
              disk.splice(write.from, Number.POSITIVE_INFINITY, ...write.terms);
            }
            if (done.length > 0) durability.persisted(batch(done.at(-1)!.batch));
          }
          const vouched = memory.slice(0, durability.index);
          expect(disk.slice(0, durability.index)).toEqual(vouched);
          if (pending.length === 0) expect(durability.index).toBe(memory.length);
        }
      }),
    );
  });
});
