import { Reader, refuseUnknownField, varintSize, Writer } from "@d-engine/codec";
import type { HistoryBounds } from "../history/history.js";
import { type KvRecord, recordValue, valueBytes } from "../record.js";

/** The values of the store's records in a snapshot: the messages of `d_engine.kv.v1`. */

/** `KvRecord` as a snapshot has it; the value is a view of what was read. */
export interface StoredRecord {
  readonly value: Uint8Array;
  readonly createRevision: number;
  readonly modRevision: number;
  readonly version: number;
  readonly lease: number;
}

const createTag = 0x08;
const modTag = 0x10;
const versionTag = 0x18;
const leaseTag = 0x20;
const valueTag = 0x2a;

/** Exact encoded size of `StoreRecord`. */
export function storedRecordSize(record: KvRecord): number {
  const bytes = valueBytes(record);
  return (
    fieldSize(record.createRevision) +
    fieldSize(record.modRevision) +
    fieldSize(record.version) +
    fieldSize(record.lease) +
    (bytes === 0 ? 0 : 1 + varintSize(bytes) + bytes)
  );
}

/** Writes exactly `storedRecordSize(record)` bytes, for which there is room. */
export function writeStoredRecord(writer: Writer, record: KvRecord): void {
  writer.uint64Field(createTag, record.createRevision, "StoreRecord.create_revision");
  writer.uint64Field(modTag, record.modRevision, "StoreRecord.mod_revision");
  writer.uint64Field(versionTag, record.version, "StoreRecord.version");
  writer.uint64Field(leaseTag, record.lease, "StoreRecord.lease");
  if (record.to === record.from) return;
  writer.byte(valueTag);
  writer.varint(record.to - record.from);
  writer.raw(recordValue(record));
}

/** Reads to the end of the message. @throws CodecError, EngineError `VERSION_MISMATCH` */
export function readStoredRecord(reader: Reader): StoredRecord {
  let createRevision = 0;
  let modRevision = 0;
  let version = 0;
  let lease = 0;
  let value = noBytes;
  while (reader.hasMore()) {
    const tag = reader.tag("StoreRecord");
    if (tag === createTag) createRevision = reader.uint64("StoreRecord.create_revision");
    else if (tag === modTag) modRevision = reader.uint64("StoreRecord.mod_revision");
    else if (tag === versionTag) version = reader.uint64("StoreRecord.version");
    else if (tag === leaseTag) lease = reader.uint64("StoreRecord.lease");
    else if (tag === valueTag) value = reader.byteField("StoreRecord.value");
    else refuseUnknownField(reader, "StoreRecord", tag, tag >>> 3 <= 5);
  }
  return { value, createRevision, modRevision, version, lease };
}

/** `StoreState`: the revision, and how far back the history goes. */
export interface StoredState extends HistoryBounds {
  readonly revision: number;
}

const revisionTag = 0x08;
const oldestTag = 0x10;
const oldestEventTag = 0x18;

/** `StoreState`. */
export function encodeStoreState(state: StoredState): Uint8Array {
  const { revision, oldestRevision, oldestEventRevision } = state;
  const size = fieldSize(revision) + fieldSize(oldestRevision) + fieldSize(oldestEventRevision);
  const writer = new Writer(new Uint8Array(size));
  writer.uint64Field(revisionTag, revision, "StoreState.revision");
  writer.uint64Field(oldestTag, oldestRevision, "StoreState.oldest_revision");
  writer.uint64Field(oldestEventTag, oldestEventRevision, "StoreState.oldest_event_revision");
  return writer.finish();
}

/**
 * Without an oldest event it is of a version that kept no history: its own state can be read.
 *
 * @throws CodecError, EngineError `VERSION_MISMATCH`
 */
export function readStoreState(bytes: Uint8Array): StoredState {
  const reader = new Reader(bytes);
  let revision = 0;
  let oldestRevision = 0;
  let oldestEventRevision = 0;
  while (reader.hasMore()) {
    const tag = reader.tag("StoreState");
    if (tag === revisionTag) revision = reader.uint64("StoreState.revision");
    else if (tag === oldestTag) oldestRevision = reader.uint64("StoreState.oldest_revision");
    else if (tag === oldestEventTag) {
      oldestEventRevision = reader.uint64("StoreState.oldest_event_revision");
    } else refuseUnknownField(reader, "StoreState", tag, tag >>> 3 <= 3);
  }
  if (oldestEventRevision === 0) return { revision, ...withoutHistory(revision) };
  return { revision, oldestRevision, oldestEventRevision };
}

/** The bounds of a store that knows the state of `revision` and nothing that led to it. */
export function withoutHistory(revision: number): HistoryBounds {
  return { oldestRevision: revision, oldestEventRevision: revision + 1 };
}

const keysTag = 0x08;

/** `StoreEnd`. */
export function encodeStoreEnd(keys: number): Uint8Array {
  const writer = new Writer(new Uint8Array(fieldSize(keys)));
  writer.uint64Field(keysTag, keys, "StoreEnd.keys");
  return writer.finish();
}

/** @throws CodecError, EngineError `VERSION_MISMATCH` */
export function readStoreEnd(bytes: Uint8Array): number {
  const reader = new Reader(bytes);
  let keys = 0;
  while (reader.hasMore()) {
    const tag = reader.tag("StoreEnd");
    if (tag === keysTag) keys = reader.uint64("StoreEnd.keys");
    else refuseUnknownField(reader, "StoreEnd", tag, tag >>> 3 === 1);
  }
  return keys;
}

function fieldSize(value: number): number {
  return value === 0 ? 0 : 1 + varintSize(value);
}

const noBytes: Uint8Array = new Uint8Array(0);
