import type { Draft } from "./draft.js";
import { noBytes } from "./draft.js";
import {
  bytesFieldSize,
  flagSize,
  optionalBytesSize,
  writeBytesField,
  writeFlag,
  writeOptionalBytes,
} from "./fields.js";
import type { RangeQuery } from "./kv-command.js";
import type { Reader } from "./reader.js";
import type { OnUnknownField } from "./unknown-field.js";
import { uintFieldSize } from "./wire-type.js";
import type { Writer } from "./writer.js";

/** `d_engine.kv.v1.Range`: a query by itself, and an operation of a transaction. */

export function rangeSize(range: RangeQuery): number {
  return (
    bytesFieldSize(range.key) +
    optionalBytesSize(range.rangeEnd) +
    uintFieldSize(range.limit) +
    uintFieldSize(range.revision) +
    flagSize(range.keysOnly) +
    flagSize(range.countOnly) +
    flagSize(range.descending)
  );
}

export function writeRange(writer: Writer, range: RangeQuery): void {
  writeBytesField(writer, 0x0a, range.key);
  writeOptionalBytes(writer, 0x12, range.rangeEnd);
  writer.uint64Field(0x18, range.limit, "Range.limit");
  writer.uint64Field(0x20, range.revision, "Range.revision");
  writeFlag(writer, 0x28, range.keysOnly);
  writeFlag(writer, 0x30, range.countOnly);
  writeFlag(writer, 0x38, range.descending);
}

export function newRange(): Draft<RangeQuery> {
  return {
    kind: "range",
    key: noBytes,
    rangeEnd: undefined,
    limit: 0,
    revision: 0,
    keysOnly: false,
    countOnly: false,
    descending: false,
  };
}

export function readRange(reader: Reader, range: Draft<RangeQuery>, onUnknown: OnUnknownField) {
  while (reader.hasMore()) {
    const tag = reader.tag("Range");
    switch (tag) {
      case 0x0a:
        range.key = reader.byteField("Range.key");
        break;
      case 0x12:
        range.rangeEnd = reader.byteField("Range.range_end");
        break;
      case 0x18:
        range.limit = reader.uint64("Range.limit");
        break;
      case 0x20:
        range.revision = reader.uint64("Range.revision");
        break;
      case 0x28:
        range.keysOnly = reader.flag("Range.keys_only");
        break;
      case 0x30:
        range.countOnly = reader.flag("Range.count_only");
        break;
      case 0x38:
        range.descending = reader.flag("Range.descending");
        break;
      default:
        onUnknown(reader, "Range", tag, tag >>> 3 <= 7);
    }
  }
}
