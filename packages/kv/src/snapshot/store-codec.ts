import { Reader, refuseUnknownField, varintSize, Writer } from "@d-engine/codec";
import { type KvRecord, valueBytes } from "../record.js";

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
  const { bytes, from, to } = record;
  if (to === from) return;
  writer.byte(valueTag);
  writer.varint(to - from);
  if (to - from > shortValueMax) {
    writer.raw(bytes.subarray(from, to));
    return;
  }
  const target = writer.bytes;
  let position = writer.position;
  for (let i = from; i < to; i++) target[position++] = bytes[i]!;
  writer.position = position;
}

/** Up to here copying byte by byte is faster than making a view to copy from. */
const shortValueMax = 64;

/** @throws CodecError, EngineError `VERSION_MISMATCH` */
export function readStoredRecord(bytes: Uint8Array): StoredRecord {
  const reader = new Reader(bytes);
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

/** `StoreState`. */
export function encodeStoreState(revision: number): Uint8Array {
  return encodeCounter(revision, "StoreState.revision");
}

/** @throws CodecError, EngineError `VERSION_MISMATCH` */
export function readStoreState(bytes: Uint8Array): number {
  return readCounter(bytes, "StoreState", "revision");
}

/** `StoreEnd`. */
export function encodeStoreEnd(keys: number): Uint8Array {
  return encodeCounter(keys, "StoreEnd.keys");
}

/** @throws CodecError, EngineError `VERSION_MISMATCH` */
export function readStoreEnd(bytes: Uint8Array): number {
  return readCounter(bytes, "StoreEnd", "keys");
}

const counterTag = 0x08;

/** A message with one number, field 1. */
function encodeCounter(value: number, field: string): Uint8Array {
  const writer = new Writer(new Uint8Array(fieldSize(value)));
  writer.uint64Field(counterTag, value, field);
  return writer.finish();
}

function readCounter(bytes: Uint8Array, message: string, field: string): number {
  const reader = new Reader(bytes);
  let value = 0;
  while (reader.hasMore()) {
    const tag = reader.tag(message);
    if (tag === counterTag) value = reader.uint64(`${message}.${field}`);
    else refuseUnknownField(reader, message, tag, tag >>> 3 === 1);
  }
  return value;
}

function fieldSize(value: number): number {
  return value === 0 ? 0 : 1 + varintSize(value);
}

const noBytes: Uint8Array = new Uint8Array(0);
