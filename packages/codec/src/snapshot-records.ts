import type { SnapshotRecord } from "@d-engine/core";
import { CodecError } from "./codec-error.js";
import { Reader } from "./reader.js";
import { refuseUnknownField } from "./unknown-field.js";
import { delimitedSize } from "./wire-type.js";
import { Writer } from "./writer.js";

/** The records of a snapshot: `d_engine.common.SnapshotEntry`, one after another in its field 2. */

export const snapshotRecordTag = 0x12;

const keyTag = 0x0a;
const valueTag = 0x12;

/**
 * The part of a snapshot file that holds these records, in one array.
 *
 * @throws CodecError for an empty key, which would name no namespace
 */
export function encodeSnapshotRecords(records: readonly SnapshotRecord[]): Uint8Array {
  let total = 0;
  for (const record of records) total += delimitedSize(recordSize(record));
  const writer = new Writer(new Uint8Array(total));
  for (const record of records) {
    writer.byte(snapshotRecordTag);
    writer.varint(recordSize(record));
    writer.byte(keyTag);
    writer.varint(record.key.length);
    writer.raw(record.key);
    if (record.value.length === 0) continue;
    writer.byte(valueTag);
    writer.varint(record.value.length);
    writer.raw(record.value);
  }
  return writer.finish();
}

function recordSize({ key, value }: SnapshotRecord): number {
  if (key.length === 0) throw new CodecError("SnapshotEntry.key", "empty; it names no namespace");
  return delimitedSize(key.length) + (value.length === 0 ? 0 : delimitedSize(value.length));
}

/** Reads `SnapshotEntry` from all of `bytes`, which lie at `origin` of the file. */
export function decodeSnapshotRecord(bytes: Uint8Array, origin: number): SnapshotRecord {
  const reader = new Reader(bytes, undefined, origin);
  let key: Uint8Array = noBytes;
  let value: Uint8Array = noBytes;
  while (reader.hasMore()) {
    const tag = reader.tag("SnapshotEntry");
    if (tag === keyTag) key = reader.byteField("SnapshotEntry.key");
    else if (tag === valueTag) value = reader.byteField("SnapshotEntry.value");
    else refuseUnknownField(reader, "SnapshotEntry", tag, tag >>> 3 <= 2);
  }
  if (key.length === 0) reader.fail("SnapshotEntry.key", "empty; it names no namespace");
  return { key, value };
}

const noBytes = new Uint8Array(0);
