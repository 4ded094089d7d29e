import { assertNever } from "@d-engine/core";
import { flagSize, writeFlag, writeHeader } from "./fields.js";
import type { KvQuery } from "./kv-command.js";
import { rangeSize, writeRange } from "./kv-range.js";
import { delimitedSize, uintFieldSize } from "./wire-type.js";
import { Writer } from "./writer.js";

/**
 * Encodes a `d_engine.kv.v1.Query`. Throws `CodecError` for numbers that are not integers from 0
 * to 2^53 - 1.
 */
export function encodeKvQuery(query: KvQuery): Uint8Array {
  const size = memberSize(query);
  const writer = new Writer(new Uint8Array(delimitedSize(size)));
  writeHeader(writer, queryTags[query.kind], size);
  switch (query.kind) {
    case "range":
      writeRange(writer, query);
      break;
    case "leaseTimeToLive":
      writer.uint64Field(0x08, query.id, "LeaseTimeToLive.id");
      writeFlag(writer, 0x10, query.keys);
      break;
    case "leaseList":
      break;
    default:
      assertNever(query);
  }
  return writer.finish();
}

const queryTags: Readonly<Record<KvQuery["kind"], number>> = {
  range: 0x0a,
  leaseTimeToLive: 0x12,
  leaseList: 0x1a,
};

function memberSize(query: KvQuery): number {
  switch (query.kind) {
    case "range":
      return rangeSize(query);
    case "leaseTimeToLive":
      return uintFieldSize(query.id) + flagSize(query.keys);
    case "leaseList":
      return 0;
    default:
      return assertNever(query);
  }
}
