import { assertNever } from "@d-engine/core";
import type { KvQueryResult } from "./kv-command.js";
import {
  newRangeResult,
  type RangeResultDraft,
  readRangeResult,
} from "./kv-range-result-decoder.js";
import { Reader } from "./reader.js";
import { LENGTH_DELIMITED } from "./wire-type.js";

/**
 * Reads one `d_engine.kv.v1.QueryResult`. Keys and values are views of `bytes`. Throws
 * `CodecError` for malformed bytes and for a result of no kind that this version knows.
 */
export function decodeKvQueryResult(bytes: Uint8Array): KvQueryResult {
  const reader = new Reader(bytes);
  let result: ResultDraft | undefined;
  while (reader.hasMore()) {
    const tag = reader.tag("QueryResult");
    const kind = resultKinds[(tag >>> 3) - 1];
    if (kind === undefined || (tag & 7) !== LENGTH_DELIMITED) {
      reader.skipUnknown("QueryResult", tag, kind !== undefined);
      continue;
    }
    if (result?.kind !== kind) result = newResult(kind);
    const outer = reader.enter("QueryResult.result");
    readMember(reader, result);
    reader.leave(outer);
  }
  return result ?? reader.fail("QueryResult", "holds no result that this version knows");
}

interface LeaseStatusDraft {
  readonly kind: "lease";
  id: number;
  ttlMs: number;
  remainingMs: number;
  readonly keys: Uint8Array[];
}

interface LeaseIdsDraft {
  readonly kind: "leases";
  readonly ids: number[];
}

type ResultDraft = RangeResultDraft | LeaseStatusDraft | LeaseIdsDraft;

/** By the field numbers of `QueryResult.result`, which begin at 1. */
const resultKinds: readonly KvQueryResult["kind"][] = ["range", "lease", "leases"];

function newResult(kind: KvQueryResult["kind"]): ResultDraft {
  switch (kind) {
    case "range":
      return newRangeResult();
    case "lease":
      return { kind, id: 0, ttlMs: 0, remainingMs: 0, keys: [] };
    case "leases":
      return { kind, ids: [] };
    default:
      return assertNever(kind);
  }
}

function readMember(reader: Reader, result: ResultDraft): void {
  switch (result.kind) {
    case "range":
      readRangeResult(reader, result);
      return;
    case "lease":
      readLeaseStatus(reader, result);
      return;
    case "leases":
      readLeaseIds(reader, result.ids);
      return;
    default:
      assertNever(result);
  }
}

function readLeaseStatus(reader: Reader, lease: LeaseStatusDraft): void {
  while (reader.hasMore()) {
    const tag = reader.tag("LeaseStatus");
    if (tag === 0x08) lease.id = reader.uint64("LeaseStatus.id");
    else if (tag === 0x10) lease.ttlMs = reader.uint64("LeaseStatus.ttl_ms");
    else if (tag === 0x18) lease.remainingMs = reader.uint64("LeaseStatus.remaining_ms");
    else if (tag === 0x22) lease.keys.push(reader.byteField("LeaseStatus.keys"));
    else reader.skipUnknown("LeaseStatus", tag, tag >>> 3 <= 4);
  }
}

/** Packed, as it is written, or one element at a time; both append. */
function readLeaseIds(reader: Reader, ids: number[]): void {
  while (reader.hasMore()) {
    const tag = reader.tag("LeaseIds");
    if (tag === 0x08) {
      ids.push(reader.uint64("LeaseIds.ids"));
    } else if (tag === 0x0a) {
      const outer = reader.enter("LeaseIds.ids");
      while (reader.hasMore()) ids.push(reader.uint64("LeaseIds.ids"));
      reader.leave(outer);
    } else {
      reader.skipUnknown("LeaseIds", tag, tag >>> 3 === 1);
    }
  }
}
