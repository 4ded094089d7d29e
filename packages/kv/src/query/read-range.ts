import {
  type KvPair,
  keyToString,
  type RangeQuery,
  type RangeResult,
  stringToKey,
} from "@d-engine/codec";
import { visibleLease } from "../leases/lease.js";
import type { RecordReader, RecordVisitor } from "../ordered-index.js";
import { spanRange } from "../prefix-range.js";
import { type KvRecord, recordValue, valueBytes } from "../record.js";

/**
 * Answers a range over the records of one revision. `count` is of the whole range; `more` says that
 * the limit cut the entries off, or `bytesMax`, of which the last entry may exceed what was left.
 * Values are views of the state.
 */
export function readRange(
  records: RecordReader,
  revision: number,
  query: RangeQuery,
  bytesMax: number,
): RangeResult {
  const limit = query.limit === 0 ? Number.POSITIVE_INFINITY : query.limit;
  const entries: KvPair[] = [];
  let count = 0;
  let bytes = 0;
  let more = false;
  visitRange(records, query, (key, record) => {
    count++;
    if (query.countOnly || more) return true;
    more = entries.length >= limit || bytes >= bytesMax;
    if (more) return true;
    const entry = pairOf(key, record, query.keysOnly);
    entries.push(entry);
    bytes += entryBytes(entry);
    return true;
  });
  return { entries, count, more, revision };
}

/** What an entry counts for in the bound of an answer. */
export function entryBytes({ key, value }: KvPair): number {
  return key.length + value.length + entryAllowance;
}

/** The numbers of an entry and the frames around it, at most. */
const entryAllowance = 48;

function visitRange(records: RecordReader, query: RangeQuery, visit: RecordVisitor): void {
  if (query.rangeEnd === undefined) {
    const key = keyToString(query.key);
    const record = records.get(key);
    if (record !== undefined) visit(key, record);
  } else if (query.descending) records.walkBack(spanRange(query), visit);
  else records.walk(spanRange(query), visit);
}

function pairOf(key: string, record: KvRecord, keysOnly: boolean): KvPair {
  const { createRevision, modRevision, version } = record;
  const lease = visibleLease(record.lease);
  const value = keysOnly || valueBytes(record) === 0 ? noBytes : recordValue(record);
  return { key: stringToKey(key), value, createRevision, modRevision, version, lease };
}

const noBytes = new Uint8Array(0);
