import type { SessionMark } from "./kv-command.js";
import type { Reader } from "./reader.js";
import { uintFieldSize } from "./wire-type.js";
import type { Writer } from "./writer.js";

/** `d_engine.client.SessionMark`, field 102 of a `WriteCommand`. */

export function sessionMarkSize(mark: SessionMark): number {
  return uintFieldSize(mark.id) + uintFieldSize(mark.sequence) + uintFieldSize(mark.acknowledged);
}

export function writeSessionMark(writer: Writer, mark: SessionMark): void {
  writer.uint64Field(0x08, mark.id, "SessionMark.id");
  writer.uint64Field(0x10, mark.sequence, "SessionMark.sequence");
  writer.uint64Field(0x18, mark.acknowledged, "SessionMark.acknowledged");
}

/** A second occurrence is merged into the first. */
export function readSessionMark(reader: Reader, first: SessionMark | undefined): SessionMark {
  let { id, sequence, acknowledged } = first ?? noMark;
  while (reader.hasMore()) {
    const tag = reader.tag("SessionMark");
    if (tag === 0x08) id = reader.uint64("SessionMark.id");
    else if (tag === 0x10) sequence = reader.uint64("SessionMark.sequence");
    else if (tag === 0x18) acknowledged = reader.uint64("SessionMark.acknowledged");
    else reader.skipUnknown("SessionMark", tag, tag >>> 3 <= 3);
  }
  return { id, sequence, acknowledged };
}

const noMark: SessionMark = { id: 0, sequence: 0, acknowledged: 0 };
