import type { LogIndex } from "@d-engine/core";
import * as fc from "fast-check";
import { type KvStateMachine, recordValue, type WriteOutcome } from "../src/index.js";
import { applyNext, cas, del, put, text } from "./commands.js";
import type { Operation, TwinRecord } from "./twin.js";

/** Keys that share prefixes, among them such as end in 0x00 and 0xff. */
export const keys = fc
  .array(fc.constantFrom("\0", "a", "b", "\x7f", "\x80", "\xff"), { minLength: 1, maxLength: 4 })
  .map((characters) => characters.join(""));

export const prefixes = fc.oneof(keys, fc.constant(""));

/** Few values, so that swaps match often; the empty one among them. */
const values = fc.constantFrom("", "x", "y", "xy");

export const operations: fc.Arbitrary<Operation> = fc.oneof(
  { weight: 5, arbitrary: fc.record({ kind: fc.constant("put"), key: keys, value: values }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant("delete"), key: keys }) },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant("cas"),
      key: keys,
      expected: fc.option(values, { nil: undefined }),
      value: values,
    }),
  },
  { weight: 1, arbitrary: fc.constant({ kind: "skip" }) },
) as fc.Arbitrary<Operation>;

/** Does to a machine what `operation` says. */
export function perform(machine: KvStateMachine, operation: Operation): WriteOutcome | undefined {
  switch (operation.kind) {
    case "put":
      return applyNext(machine, put(operation.key, operation.value));
    case "delete":
      return applyNext(machine, del(operation.key));
    case "cas":
      return applyNext(machine, cas(operation.key, operation.expected, operation.value));
    case "skip":
      machine.skip((machine.lastApplied + 1) as LogIndex);
      return undefined;
  }
}

/** All records of a view, as the twin has them. */
export function recordsOf(view: Pick<ReturnType<KvStateMachine["view"]>, "walk">): TwinRecord[] {
  const records: TwinRecord[] = [];
  view.walk((key, record) => {
    const { createRevision, modRevision, version } = record;
    const value = text(recordValue(record));
    records.push({ key, value, createRevision, modRevision, version });
    return true;
  });
  return records;
}
