import type { LeasePutCommand } from "@d-engine/codec";
import { checkLeaseId, checkTtl } from "../leases/check-lease.js";
import type { KvLimits } from "../limits.js";
import { checkKey, checkValue, refuse } from "./check-sizes.js";

/** Refuses a put without a TTL as `checkCommand` does, by the lengths of its parts. */
export function checkPlainPut(keyBytes: number, valueBytes: number, limits: KvLimits): void {
  checkKey(keyBytes, limits);
  checkValue("value", valueBytes, limits);
}

/** The same for a put that may have a lease, alone or in a transaction. */
export function checkLeasePut(put: LeasePutCommand, limits: KvLimits): void {
  checkPlainPut(put.key.length, put.value.length, limits);
  if (put.lease !== 0) checkLeaseId(put.lease);
  if (put.ttlMs === 0) return;
  checkTtl(put.ttlMs);
  if (put.lease !== 0) refuse("a put has a lease or a time to live of its own, not both");
}
