import { keyToString, stringToKey } from "@d-engine/codec";
import type { RecordSource } from "./ordered-index.js";
import { prefixRange } from "./prefix-range.js";
import { recordValue } from "./record.js";

export interface KvEntry {
  readonly key: Uint8Array;
  readonly value: Uint8Array;
}

export interface KvScan {
  /** In byte order of their keys, all from one revision. */
  readonly entries: readonly KvEntry[];
  /** The store revision that the scan saw. */
  readonly revision: number;
  /** Whether `limit` cut the scan off; go on with the last key as `after`. */
  readonly more: boolean;
}

/**
 * Reads of a key-value state, apart from the state machine that makes it: a state machine of
 * another kind may offer them too. All calls are synchronous, and see the state between two
 * commands, never inside one. Values are views of the state: copy them before they are handed to
 * anyone who may write to them.
 */
export interface KvReader {
  /** The store revision: how many commands have changed the store. */
  readonly revision: number;
  get(key: Uint8Array): Uint8Array | undefined;
  /** The values of `keys` in their order, all from one revision. */
  getMulti(keys: readonly Uint8Array[]): (Uint8Array | undefined)[];
  /**
   * The keys that begin with `prefix` (empty: every key) in byte order: at most `limit` of them
   * (default: all), after the key `after` (default: from the first). To page through one
   * consistent state, scan a view.
   */
  scanPrefix(prefix: Uint8Array, limit?: number, after?: Uint8Array): KvScan;
}

/** Answers `get` from anything that finds records. */
export function readValue(source: RecordSource, key: Uint8Array): Uint8Array | undefined {
  const record = source.get(keyToString(key));
  return record === undefined ? undefined : recordValue(record);
}

/** Answers `getMulti` likewise. */
export function readMulti(
  source: RecordSource,
  keys: readonly Uint8Array[],
): (Uint8Array | undefined)[] {
  const values: (Uint8Array | undefined)[] = [];
  for (const key of keys) values.push(readValue(source, key));
  return values;
}

/** Answers `scanPrefix` over a source that stands at `revision`. */
export function readPrefix(
  source: RecordSource,
  revision: number,
  prefix: Uint8Array,
  limit: number = Number.POSITIVE_INFINITY,
  after?: Uint8Array,
): KvScan {
  const range = prefixRange(
    keyToString(prefix),
    after === undefined ? undefined : keyToString(after),
  );
  const entries: KvEntry[] = [];
  let more = false;
  source.walk(range, (key, record) => {
    more = entries.length >= limit;
    if (more) return false;
    entries.push({ key: stringToKey(key), value: recordValue(record) });
    return true;
  });
  return { entries, revision, more };
}
