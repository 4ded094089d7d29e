import { noBytes } from "./draft.js";
import type { KvPair } from "./kv-command.js";
import type { Reader } from "./reader.js";

export interface RangeResultDraft {
  readonly kind: "range";
  readonly entries: KvPair[];
  count: number;
  more: boolean;
  revision: number;
}

export function newRangeResult(): RangeResultDraft {
  return { kind: "range", entries: [], count: 0, more: false, revision: 0 };
}

export function readRangeResult(reader: Reader, range: RangeResultDraft): void {
  while (reader.hasMore()) {
    const tag = reader.tag("RangeResult");
    switch (tag) {
      case 0x0a: {
        const outer = reader.enter("RangeResult.entries");
        range.entries.push(readPair(reader));
        reader.leave(outer);
        break;
      }
      case 0x10:
        range.count = reader.uint64("RangeResult.count");
        break;
      case 0x18:
        range.more = reader.flag("RangeResult.more");
        break;
      case 0x20:
        range.revision = reader.uint64("RangeResult.revision");
        break;
      default:
        reader.skipUnknown("RangeResult", tag, tag >>> 3 <= 4);
    }
  }
}

function readPair(reader: Reader): KvPair {
  let key = noBytes;
  let value = noBytes;
  let createRevision = 0;
  let modRevision = 0;
  let version = 0;
  let lease = 0;
  while (reader.hasMore()) {
    const tag = reader.tag("KeyValue");
    if (tag === 0x0a) key = reader.byteField("KeyValue.key");
    else if (tag === 0x12) value = reader.byteField("KeyValue.value");
    else if (tag === 0x18) createRevision = reader.uint64("KeyValue.create_revision");
    else if (tag === 0x20) modRevision = reader.uint64("KeyValue.mod_revision");
    else if (tag === 0x28) version = reader.uint64("KeyValue.version");
    else if (tag === 0x30) lease = reader.uint64("KeyValue.lease");
    else reader.skipUnknown("KeyValue", tag, tag >>> 3 <= 6);
  }
  return { key, value, createRevision, modRevision, version, lease };
}
