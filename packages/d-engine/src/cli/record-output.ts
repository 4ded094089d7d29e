import type { KeyRange, KeyRecord } from "@d-engine/client";
import { escaped, jsonBytes } from "./printable.js";

/** One line that stands for one key and its value alone. */
export function recordLine({ key, value }: KeyRecord, keysOnly: boolean): string {
  return keysOnly ? `${escaped(key)}\n` : `${escaped(key)}\t${escaped(value)}\n`;
}

/** All that the store knows of a key. */
export function jsonRecord(record: KeyRecord, keysOnly = false): object {
  const { key, value, createRevision, modRevision, version, lease } = record;
  return {
    ...jsonBytes("key", key),
    ...(keysOnly ? {} : jsonBytes("value", value)),
    createRevision,
    modRevision,
    version,
    ...(lease === 0 ? {} : { lease }),
  };
}

export function jsonRange({ entries, count, more, revision }: KeyRange, keysOnly: boolean): object {
  return {
    revision,
    count,
    more,
    entries: entries.map((record) => jsonRecord(record, keysOnly)),
  };
}
