import { bytesFieldSize, flagSize, writeBytesField, writeFlag, writeHeader } from "./fields.js";
import type { KvPair, RangeResult } from "./kv-command.js";
import { delimitedSize, uintFieldSize } from "./wire-type.js";
import type { Writer } from "./writer.js";

/** `d_engine.kv.v1.RangeResult`, in the answer to a query and in the result of a transaction. */

export function rangeResultSize(range: RangeResult): number {
  let size = uintFieldSize(range.count) + flagSize(range.more) + uintFieldSize(range.revision);
  for (const pair of range.entries) size += kvPairSize(pair);
  return size;
}

/** Bytes that one key adds to a range's result. */
export function kvPairSize(pair: KvPair): number {
  return delimitedSize(pairSize(pair));
}

export function writeRangeResult(writer: Writer, range: RangeResult): void {
  for (const pair of range.entries) {
    writeHeader(writer, 0x0a, pairSize(pair));
    writePair(writer, pair);
  }
  writer.uint64Field(0x10, range.count, "RangeResult.count");
  writeFlag(writer, 0x18, range.more);
  writer.uint64Field(0x20, range.revision, "RangeResult.revision");
}

/** Exact encoded size of `d_engine.kv.v1.KeyValue`. */
export function pairSize(pair: KvPair): number {
  return (
    bytesFieldSize(pair.key) +
    bytesFieldSize(pair.value) +
    uintFieldSize(pair.createRevision) +
    uintFieldSize(pair.modRevision) +
    uintFieldSize(pair.version) +
    uintFieldSize(pair.lease)
  );
}

/** Writes exactly `pairSize(pair)` bytes, for which there is room. */
export function writePair(writer: Writer, pair: KvPair): void {
  writeBytesField(writer, 0x0a, pair.key);
  writeBytesField(writer, 0x12, pair.value);
  writer.uint64Field(0x18, pair.createRevision, "KeyValue.create_revision");
  writer.uint64Field(0x20, pair.modRevision, "KeyValue.mod_revision");
  writer.uint64Field(0x28, pair.version, "KeyValue.version");
  writer.uint64Field(0x30, pair.lease, "KeyValue.lease");
}
