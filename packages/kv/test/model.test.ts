import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { KvStateMachine, type KvView } from "../src/index.js";
import { bytes, scanned } from "./commands.js";
import { keys, operations, perform, prefixes, recordsOf } from "./operations.js";
import { type Operation, twinState } from "./twin.js";

describe("KvStateMachine and its twin", () => {
  it("give the same outcome to each command", () => {
    fc.assert(
      fc.property(fc.array(operations, { maxLength: 40 }), (sequence) => {
        const machine = new KvStateMachine();
        sequence.forEach((operation, i) => {
          const { outcome, revision } = twinState(sequence.slice(0, i + 1));
          expect(perform(machine, operation)).toEqual(outcome);
          expect([machine.lastApplied, machine.revision]).toEqual([i + 1, revision]);
        });
      }),
      { numRuns: 300 },
    );
  });

  it("hold the same records and find the same by key and by prefix", () => {
    fc.assert(
      fc.property(
        fc.array(operations, { maxLength: 1500, size: "max" }),
        fc.array(keys, { maxLength: 20 }),
        fc.array(prefixes, { maxLength: 20 }),
        (sequence, someKeys, somePrefixes) => {
          const machine = new KvStateMachine();
          for (const operation of sequence) perform(machine, operation);
          const { records } = twinState(sequence);
          const valueAt = (key: string) => {
            const record = records.find((candidate) => candidate.key === key);
            return record === undefined ? undefined : bytes(record.value);
          };

          expect(recordsOf(machine.view())).toEqual(records);
          expect(machine.keys).toBe(records.length);
          const size = records.reduce((sum, { key, value }) => sum + key.length + value.length, 0);
          expect(machine.bytes).toBe(size);
          expect(machine.getMulti(someKeys.map(bytes))).toEqual(someKeys.map(valueAt));
          for (const prefix of somePrefixes) {
            const within = records.filter(({ key }) => key.startsWith(prefix));
            expect(scanned(machine, prefix)).toEqual(within.map((r) => `${r.key}=${r.value}`));
          }
        },
      ),
      { numRuns: 30 },
    );
  });

  it("agree on every past state for as long as a view of it is held (rule R16)", () => {
    const marked = fc.record({ operation: operations, look: fc.boolean() });
    fc.assert(
      fc.property(fc.array(marked, { maxLength: 120, size: "max" }), (sequence) => {
        const machine = new KvStateMachine();
        const done: Operation[] = [];
        const held: { view: KvView; count: number }[] = [];
        for (const { operation, look } of sequence) {
          perform(machine, operation);
          done.push(operation);
          if (look) held.push({ view: machine.view(), count: done.length });
        }
        for (const { view, count } of held) {
          const past = twinState(done.slice(0, count));
          expect(recordsOf(view)).toEqual(past.records);
          expect([view.revision, view.lastApplied]).toEqual([past.revision, count]);
        }
      }),
      { numRuns: 60 },
    );
  });
});
