import type { LogId, LogIndex, Term } from "@d-engine/core";
import type { Reader } from "./reader.js";
import { refuseUnknownField } from "./unknown-field.js";
import { delimitedSize, uintFieldSize } from "./wire-type.js";
import type { Writer } from "./writer.js";

/** `d_engine.common.LogId` as a field of stored messages, present also at (0, 0). */

export function logIdFieldSize(logId: LogId): number {
  return delimitedSize(logIdSize(logId));
}

/** Writes exactly `logIdFieldSize(logId)` bytes, for which there is room. */
export function writeLogIdField(writer: Writer, tag: number, logId: LogId, field: string): void {
  writer.byte(tag);
  writer.varint(logIdSize(logId));
  writer.uint64Field(termTag, logId.term, `${field}.term`);
  writer.uint64Field(indexTag, logId.index, `${field}.index`);
}

/** Reads one occurrence, merged into `before` as protobuf merges a message that occurs twice. */
export function readLogIdField(reader: Reader, before: LogId, field: string): LogId {
  let { term, index } = before;
  const outer = reader.enter(field);
  while (reader.hasMore()) {
    const tag = reader.tag("LogId");
    if (tag === termTag) term = reader.uint64(`${field}.term`) as Term;
    else if (tag === indexTag) index = reader.uint64(`${field}.index`) as LogIndex;
    else refuseUnknownField(reader, "LogId", tag, tag >>> 3 <= 2);
  }
  reader.leave(outer);
  return { term, index };
}

const termTag = 0x08;
const indexTag = 0x10;

function logIdSize({ term, index }: LogId): number {
  return uintFieldSize(term) + uintFieldSize(index);
}
