import type {
  Compare,
  DeleteRangeCommand,
  LeasePutCommand,
  RangeQuery,
  TxnCommand,
} from "@d-engine/codec";
import { toName } from "../workload/call.js";
import { inSpan } from "./twin-range.js";
import { shownLease, type TwinRecord } from "./twin-record.js";

/** Which branch of a transaction is taken, and of those in it: known before anything is done. */
export interface TwinTxnPlan {
  readonly kind: "plan";
  readonly succeeded: boolean;
  readonly operations: readonly (LeasePutCommand | DeleteRangeCommand | RangeQuery | TwinTxnPlan)[];
}

type Records = ReadonlyMap<string, TwinRecord>;

export function planTwinTxn(records: Records, txn: TxnCommand): TwinTxnPlan {
  const succeeded = txn.compares.every((compare) => holds(records, compare));
  const operations = (succeeded ? txn.success : txn.failure).map((operation) =>
    operation.kind === "txn" ? planTwinTxn(records, operation) : operation,
  );
  return { kind: "plan", succeeded, operations };
}

/** Of every key of the span; of no key as of one that does not exist. */
function holds(records: Records, compare: Compare): boolean {
  const found = [...records].filter(([key]) => inSpan(key, compare)).map(([, record]) => record);
  if (found.length === 0) return holdsOf(undefined, compare);
  return found.every((record) => holdsOf(record, compare));
}

function holdsOf(record: TwinRecord | undefined, compare: Compare): boolean {
  const { target, result } = compare;
  if (target === "value") {
    const wanted = toName(compare.value);
    if (record === undefined) return false;
    return fits(record.value === wanted ? 0 : record.value < wanted ? -1 : 1, result);
  }
  const numbers = {
    version: record?.version ?? 0,
    createRevision: record?.createRevision ?? 0,
    modRevision: record?.modRevision ?? 0,
    lease: shownLease(record?.lease ?? 0),
  };
  return fits(numbers[target] - compare.number, result);
}

function fits(order: number, result: Compare["result"]): boolean {
  const isOne = { equal: order === 0, notEqual: order !== 0, greater: order > 0, less: order < 0 };
  return isOne[result];
}
