import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { KvStateMachine } from "../src/index.js";
import { bytes } from "./commands.js";
import { operations, perform } from "./operations.js";

/** What one replica does between two commands, and the others do not. */
const distractions = fc.constantFrom("none", "view", "scan", "get", "hash");

function distract(machine: KvStateMachine, kind: string): void {
  if (kind === "view") machine.view().scanPrefix(bytes("a"));
  if (kind === "scan") machine.scanPrefix(bytes(""), 3);
  if (kind === "get") machine.getMulti([bytes("a"), bytes("b")]);
  if (kind === "hash") machine.stateHash();
}

describe("replicas", () => {
  it("agree after each entry, whatever they read and however they are configured (I12)", () => {
    const steps = fc.array(fc.record({ operation: operations, meanwhile: distractions }), {
      maxLength: 200,
      size: "max",
    });
    fc.assert(
      fc.property(steps, (sequence) => {
        const plain = new KvStateMachine();
        const busy = new KvStateMachine({ keyBytesMax: 1, valueBytesMax: 0, keysMax: 1 });
        for (const { operation, meanwhile } of sequence) {
          expect(perform(busy, operation)).toEqual(perform(plain, operation));
          distract(busy, meanwhile);
          expect(busy.stateHash()).toBe(plain.stateHash());
        }
        expect([busy.keys, busy.bytes]).toEqual([plain.keys, plain.bytes]);
      }),
      { numRuns: 40 },
    );
  });
});
