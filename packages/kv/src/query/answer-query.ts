import type { KvQuery, KvQueryResult, LeaseStatus, RangeQuery } from "@d-engine/codec";
import { stringToKey } from "@d-engine/codec";
import { assertNever, EngineError } from "@d-engine/core";
import { PastRecords } from "../history/past-records.js";
import { compacted, futureRevision } from "../history/revision-refusals.js";
import type { KvStore } from "../kv-store.js";
import type { LeaseTable } from "../leases/lease-table.js";
import type { RecordReader } from "../ordered-index.js";
import type { WriteRefusal } from "../write-outcome.js";
import { readRange } from "./read-range.js";

/**
 * Answers a query. `nowMs` is the time of the cluster, for what is left of a lease.
 *
 * @throws EngineError as `KvStateMachine.query` says
 */
export function answerQuery(
  store: KvStore,
  query: KvQuery,
  bytesMax: number,
  nowMs: number,
): KvQueryResult {
  switch (query.kind) {
    case "range":
      return { kind: "range", ...answerRange(store, query, bytesMax) };
    case "leaseTimeToLive":
      return { kind: "lease", ...leaseStatus(store.leases, query.id, query.keys, nowMs) };
    case "leaseList":
      return { kind: "leases", ids: [...store.leases.grantedIds()] };
    default:
      return assertNever(query);
  }
}

function answerRange(store: KvStore, query: RangeQuery, bytesMax: number) {
  if (query.key.length === 0 && query.rangeEnd === undefined) {
    throw new EngineError("INVALID_REQUEST", "the key is empty; give one, or the end of a range");
  }
  const revision = query.revision === 0 ? store.revision : query.revision;
  return readRange(recordsAt(store, revision), revision, query, bytesMax);
}

/** @throws EngineError `COMPACTED`, or `INVALID_REQUEST` for a revision that is still to come */
function recordsAt(
  { revision: present, records, history }: KvStore,
  revision: number,
): RecordReader {
  if (revision === present) return records;
  if (revision > present) fail(futureRevision(revision, present));
  if (revision < history.oldestRevision) fail(compacted(revision, history.oldestRevision));
  return new PastRecords(records, history, revision);
}

function leaseStatus(
  leases: LeaseTable,
  id: number,
  withKeys: boolean,
  nowMs: number,
): LeaseStatus {
  const lease = leases.granted(id);
  if (lease === undefined) return { id, ttlMs: 0, remainingMs: 0, keys: [] };
  const remainingMs = Math.max(0, lease.deadlineMs - Math.max(nowMs, leases.nowMs));
  const keys = withKeys ? leases.keysOf(id).map(stringToKey) : [];
  return { id, ttlMs: lease.ttlMs, remainingMs, keys };
}

function fail({ code, message }: WriteRefusal): never {
  throw new EngineError(code, message);
}
