import { assertNever } from "@d-engine/core";
import type { Draft } from "./draft.js";
import type { KvQuery, LeaseListQuery, LeaseTimeToLiveQuery, RangeQuery } from "./kv-command.js";
import { newRange, readRange } from "./kv-range.js";
import { Reader } from "./reader.js";
import { skipUnknownField } from "./unknown-field.js";
import { LENGTH_DELIMITED } from "./wire-type.js";

/**
 * Reads one `d_engine.kv.v1.Query`. Keys are views of `bytes`. Throws `CodecError` for malformed
 * bytes and for a query of no kind that this version knows.
 */
export function decodeKvQuery(bytes: Uint8Array): KvQuery {
  const reader = new Reader(bytes);
  let query: QueryDraft | undefined;
  while (reader.hasMore()) {
    const tag = reader.tag("Query");
    const kind = queryKinds[(tag >>> 3) - 1];
    if (kind === undefined || (tag & 7) !== LENGTH_DELIMITED) {
      reader.skipUnknown("Query", tag, kind !== undefined);
      continue;
    }
    if (query?.kind !== kind) query = newQuery(kind);
    const outer = reader.enter("Query.query");
    readMember(reader, query);
    reader.leave(outer);
  }
  return query ?? reader.fail("Query", "holds no query that this version knows");
}

type QueryDraft = Draft<RangeQuery> | Draft<LeaseTimeToLiveQuery> | LeaseListQuery;

/** By the field numbers of `Query.query`, which begin at 1. */
const queryKinds: readonly KvQuery["kind"][] = ["range", "leaseTimeToLive", "leaseList"];

function newQuery(kind: KvQuery["kind"]): QueryDraft {
  switch (kind) {
    case "range":
      return newRange();
    case "leaseTimeToLive":
      return { kind, id: 0, keys: false };
    case "leaseList":
      return { kind };
    default:
      return assertNever(kind);
  }
}

function readMember(reader: Reader, query: QueryDraft): void {
  switch (query.kind) {
    case "range":
      readRange(reader, query, skipUnknownField);
      return;
    case "leaseTimeToLive":
      readLeaseTimeToLive(reader, query);
      return;
    case "leaseList":
      while (reader.hasMore()) reader.skipUnknown("LeaseList", reader.tag("LeaseList"), false);
      return;
    default:
      assertNever(query);
  }
}

function readLeaseTimeToLive(reader: Reader, query: Draft<LeaseTimeToLiveQuery>): void {
  while (reader.hasMore()) {
    const tag = reader.tag("LeaseTimeToLive");
    if (tag === 0x08) query.id = reader.uint64("LeaseTimeToLive.id");
    else if (tag === 0x10) query.keys = reader.flag("LeaseTimeToLive.keys");
    else reader.skipUnknown("LeaseTimeToLive", tag, tag >>> 3 <= 2);
  }
}
