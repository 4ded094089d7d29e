import type { Compare, CompareResult, CompareTarget } from "@d-engine/codec";
import { assertNever } from "@d-engine/core";
import { compareBytes } from "../compare-bytes.js";
import { visibleLease } from "../leases/lease.js";
import type { RecordReader } from "../ordered-index.js";
import { spanRange } from "../prefix-range.js";
import { type KvRecord, recordValue } from "../record.js";

/**
 * Whether a compare holds: of its key or, over a range, of every key in it. Of a key that does not
 * exist every number is 0 and no compare of the value holds; an empty range is as such a key, as
 * in etcd.
 */
export function compareHolds(records: RecordReader, compare: Compare): boolean {
  let isEmpty = true;
  let holds = true;
  records.walk(spanRange(compare), (_, record) => {
    isEmpty = false;
    holds = recordHolds(record, compare);
    return holds;
  });
  return isEmpty ? recordHolds(undefined, compare) : holds;
}

function recordHolds(record: KvRecord | undefined, compare: Compare): boolean {
  const { target, result } = compare;
  if (target !== "value") return satisfies(numberOf(record, target) - compare.number, result);
  return (
    record !== undefined && satisfies(compareBytes(recordValue(record), compare.value), result)
  );
}

function numberOf(record: KvRecord | undefined, target: Exclude<CompareTarget, "value">): number {
  if (record === undefined) return 0;
  switch (target) {
    case "version":
      return record.version;
    case "createRevision":
      return record.createRevision;
    case "modRevision":
      return record.modRevision;
    case "lease":
      return visibleLease(record.lease);
    default:
      return assertNever(target);
  }
}

/** `order`: how what is stored stands to what was given. */
function satisfies(order: number, result: CompareResult): boolean {
  switch (result) {
    case "equal":
      return order === 0;
    case "notEqual":
      return order !== 0;
    case "greater":
      return order > 0;
    case "less":
      return order < 0;
    default:
      return assertNever(result);
  }
}
