import { type Reader, refuseUnknownField, varintSize, Writer } from "@d-engine/codec";
import type { LeaseClock } from "./lease-table.js";

/** The values of leases in a snapshot: messages of `d_engine.kv.v1`. */

/** `LeaseRecord`; the id stands in the key. */
export interface StoredLease {
  readonly ttlMs: number;
  readonly deadlineMs: number;
  readonly session: boolean;
}

const firstTag = 0x08;
const secondTag = 0x10;
const thirdTag = 0x18;

/** `LeaseState`; empty when it says nothing. */
export function encodeLeaseState({ nowMs, ownLeases }: LeaseClock): Uint8Array {
  const writer = new Writer(new Uint8Array(numberSize(nowMs) + numberSize(ownLeases)));
  writer.uint64Field(firstTag, nowMs, "LeaseState.now_ms");
  writer.uint64Field(secondTag, ownLeases, "LeaseState.own_leases");
  return writer.finish();
}

/** @throws CodecError, EngineError `VERSION_MISMATCH` */
export function readLeaseState(reader: Reader): LeaseClock {
  let nowMs = 0;
  let ownLeases = 0;
  while (reader.hasMore()) {
    const tag = reader.tag("LeaseState");
    if (tag === firstTag) nowMs = reader.uint64("LeaseState.now_ms");
    else if (tag === secondTag) ownLeases = reader.uint64("LeaseState.own_leases");
    else refuseUnknownField(reader, "LeaseState", tag, tag >>> 3 <= 2);
  }
  return { nowMs, ownLeases };
}

/** `LeaseRecord`. */
export function encodeLease({ ttlMs, deadlineMs, session }: StoredLease): Uint8Array {
  const size = numberSize(ttlMs) + numberSize(deadlineMs) + (session ? 2 : 0);
  const writer = new Writer(new Uint8Array(size));
  writer.uint64Field(firstTag, ttlMs, "LeaseRecord.ttl_ms");
  writer.uint64Field(secondTag, deadlineMs, "LeaseRecord.deadline_ms");
  writer.uint64Field(thirdTag, session ? 1 : 0, "LeaseRecord.session");
  return writer.finish();
}

/** @throws CodecError, EngineError `VERSION_MISMATCH` */
export function readLease(reader: Reader): StoredLease {
  let ttlMs = 0;
  let deadlineMs = 0;
  let session = false;
  while (reader.hasMore()) {
    const tag = reader.tag("LeaseRecord");
    if (tag === firstTag) ttlMs = reader.uint64("LeaseRecord.ttl_ms");
    else if (tag === secondTag) deadlineMs = reader.uint64("LeaseRecord.deadline_ms");
    else if (tag === thirdTag) session = reader.uint64("LeaseRecord.session") !== 0;
    else refuseUnknownField(reader, "LeaseRecord", tag, tag >>> 3 <= 3);
  }
  return { ttlMs, deadlineMs, session };
}

function numberSize(value: number): number {
  return value === 0 ? 0 : 1 + varintSize(value);
}
