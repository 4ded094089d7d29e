import { assertNever } from "@d-engine/core";
import { writeBytes, writeHeader } from "./fields.js";
import type { KvQueryResult, LeaseStatus } from "./kv-command.js";
import { rangeResultSize, writeRangeResult } from "./kv-range-result-encoder.js";
import { delimitedSize, uintFieldSize, varintSize } from "./wire-type.js";
import { checkUint64, Writer } from "./writer.js";

/**
 * Encodes a `d_engine.kv.v1.QueryResult`. Throws `CodecError` for numbers that are not integers
 * from 0 to 2^53 - 1.
 */
export function encodeKvQueryResult(result: KvQueryResult): Uint8Array {
  const size = memberSize(result);
  const writer = new Writer(new Uint8Array(delimitedSize(size)));
  writeHeader(writer, resultTags[result.kind], size);
  switch (result.kind) {
    case "range":
      writeRangeResult(writer, result);
      break;
    case "lease":
      writeLeaseStatus(writer, result);
      break;
    case "leases":
      writeIds(writer, result.ids);
      break;
    default:
      assertNever(result);
  }
  return writer.finish();
}

const resultTags: Readonly<Record<KvQueryResult["kind"], number>> = {
  range: 0x0a,
  lease: 0x12,
  leases: 0x1a,
};

function memberSize(result: KvQueryResult): number {
  switch (result.kind) {
    case "range":
      return rangeResultSize(result);
    case "lease":
      return leaseStatusSize(result);
    case "leases":
      return result.ids.length === 0 ? 0 : delimitedSize(packedSize(result.ids));
    default:
      return assertNever(result);
  }
}

function leaseStatusSize({ id, ttlMs, remainingMs, keys }: LeaseStatus): number {
  let size = uintFieldSize(id) + uintFieldSize(ttlMs) + uintFieldSize(remainingMs);
  for (const key of keys) size += delimitedSize(key.length);
  return size;
}

function writeLeaseStatus(writer: Writer, lease: LeaseStatus): void {
  writer.uint64Field(0x08, lease.id, "LeaseStatus.id");
  writer.uint64Field(0x10, lease.ttlMs, "LeaseStatus.ttl_ms");
  writer.uint64Field(0x18, lease.remainingMs, "LeaseStatus.remaining_ms");
  for (const key of lease.keys) writeBytes(writer, 0x22, key);
}

function packedSize(ids: readonly number[]): number {
  let size = 0;
  for (const id of ids) size += varintSize(id);
  return size;
}

function writeIds(writer: Writer, ids: readonly number[]): void {
  if (ids.length === 0) return;
  writeHeader(writer, 0x0a, packedSize(ids));
  for (const id of ids) {
    checkUint64(id, "LeaseIds.ids");
    writer.varint(id);
  }
}
