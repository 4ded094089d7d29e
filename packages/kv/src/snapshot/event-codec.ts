import { keyToString, Reader, refuseUnknownField, varintSize, type Writer } from "@d-engine/codec";
import type { KvRecord } from "../record.js";
import {
  readStoredRecord,
  type StoredRecord,
  storedRecordSize,
  writeStoredRecord,
} from "./store-codec.js";

/** `StoreEvent` as it is written. */
export interface EventToStore {
  readonly key: string;
  /** `undefined`: deleted, or kept. */
  readonly record: KvRecord | undefined;
  /** Whether the key still holds what the event wrote. */
  readonly kept: boolean;
  /** Only where no earlier event of the snapshot says it. */
  readonly previous: KvRecord | undefined;
}

/** `StoreEvent` as it is read; values are views of what was read. */
export interface StoredEvent {
  readonly revision: number;
  readonly key: string;
  readonly record: StoredRecord | undefined;
  readonly kept: boolean;
  readonly previous: StoredRecord | undefined;
}

const keyTag = 0x0a;
const recordTag = 0x12;
const keptTag = 0x18;
const previousTag = 0x22;

/** Exact encoded size. */
export function storedEventSize({ key, record, kept, previous }: EventToStore): number {
  return (
    delimitedSize(key.length) +
    (record === undefined ? 0 : delimitedSize(storedRecordSize(record))) +
    (kept ? 2 : 0) +
    (previous === undefined ? 0 : delimitedSize(storedRecordSize(previous)))
  );
}

/** Writes exactly `storedEventSize(event)` bytes, for which there is room. */
export function writeStoredEvent(writer: Writer, event: EventToStore): void {
  const { key, record, kept, previous } = event;
  writer.byte(keyTag);
  writer.varint(key.length);
  for (let i = 0; i < key.length; i++) writer.byte(key.charCodeAt(i));
  if (record !== undefined) writeNested(writer, recordTag, record);
  writer.uint64Field(keptTag, kept ? 1 : 0, "StoreEvent.kept");
  if (previous !== undefined) writeNested(writer, previousTag, previous);
}

/** @throws CodecError, EngineError `VERSION_MISMATCH` */
export function readStoredEvent(bytes: Uint8Array, revision: number): StoredEvent {
  const reader = new Reader(bytes);
  let key = "";
  let record: StoredRecord | undefined;
  let kept = false;
  let previous: StoredRecord | undefined;
  while (reader.hasMore()) {
    const tag = reader.tag("StoreEvent");
    if (tag === keyTag) key = keyToString(reader.byteField("StoreEvent.key"));
    else if (tag === recordTag) record = readNested(reader, "StoreEvent.record");
    else if (tag === keptTag) kept = reader.uint64("StoreEvent.kept") !== 0;
    else if (tag === previousTag) previous = readNested(reader, "StoreEvent.previous");
    else refuseUnknownField(reader, "StoreEvent", tag, tag >>> 3 <= 4);
  }
  return { revision, key, record, kept, previous };
}

function writeNested(writer: Writer, tag: number, record: KvRecord): void {
  writer.byte(tag);
  writer.varint(storedRecordSize(record));
  writeStoredRecord(writer, record);
}

function readNested(reader: Reader, field: string): StoredRecord {
  const outer = reader.enter(field);
  const record = readStoredRecord(reader);
  reader.leave(outer);
  return record;
}

function delimitedSize(bytes: number): number {
  return 1 + varintSize(bytes) + bytes;
}
