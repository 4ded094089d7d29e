import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Fifo } from "./fifo.js";

describe("Fifo", () => {
  it("behaves as an array does", () => {
    const step = fc.oneof(
      fc.integer().map((value) => ({ kind: "push", value }) as const),
      fc.constant({ kind: "shift" } as const),
      fc.constant({ kind: "retain" } as const),
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 600 }), (steps) => {
        const fifo = new Fifo<number>();
        let model: number[] = [];
        for (const each of steps) {
          if (each.kind === "push") {
            fifo.push(each.value);
            model.push(each.value);
          } else if (each.kind === "shift") {
            expect(fifo.shift()).toBe(model.shift());
          } else {
            fifo.retain((value) => value % 2 === 0);
            model = model.filter((value) => value % 2 === 0);
          }
          expect([fifo.peek(), fifo.peekLast()]).toEqual([model[0], model.at(-1)]);
        }
        expect([...fifo]).toEqual(model);
        expect(fifo.length).toBe(model.length);
      }),
    );
  });

  it("drains in order after many shifts", () => {
    const fifo = new Fifo<number>();
    for (let at = 0; at < 1_000; at += 1) fifo.push(at);
    for (let at = 0; at < 900; at += 1) expect(fifo.shift()).toBe(at);
    expect([...fifo]).toEqual(Array.from({ length: 100 }, (_, at) => at + 900));
  });
});
