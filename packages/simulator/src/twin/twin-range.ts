import type { KeySpan, RangeQuery, RangeResult } from "@d-engine/codec";
import { toName } from "../workload/call.js";
import { pairOf, type TwinRecord } from "./twin-record.js";

/** Whether the key is in the span. Keys of a simulation are ASCII: strings order as bytes do. */
export function inSpan(key: string, { key: from, rangeEnd }: KeySpan): boolean {
  const first = toName(from);
  if (rangeEnd === undefined) return key === first;
  return key >= first && (rangeEnd.length === 0 || key < toName(rangeEnd));
}

/** A range read, by looking at every key there is. */
export function readTwinRange(
  records: ReadonlyMap<string, TwinRecord>,
  revision: number,
  query: RangeQuery,
): RangeResult {
  const keys = [...records.keys()].filter((key) => inSpan(key, query)).sort();
  if (query.descending) keys.reverse();
  const limit = query.limit === 0 ? keys.length : query.limit;
  const shown = query.countOnly ? [] : keys.slice(0, limit);
  return {
    entries: shown.map((key) => pairOf(key, records.get(key)!, query.keysOnly)),
    count: keys.length,
    more: !query.countOnly && keys.length > limit,
    revision,
  };
}
