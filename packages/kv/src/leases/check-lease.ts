import type { LeaseGrantCommand, SessionMark } from "@d-engine/codec";
import { EngineError } from "@d-engine/core";
import { LEASE_TTL_MS_MAX, SESSION_TTL_MS_MIN } from "./bounds.js";
import { OWN_LEASE_IDS_FROM } from "./lease.js";
import type { LeaseTable } from "./lease-table.js";

/** Refuses a grant that must not enter the log (rule R14), naming the bound. */
export function checkLeaseGrant({ id, ttlMs, session }: LeaseGrantCommand): void {
  if (id !== 0) checkLeaseId(id);
  checkTtl(ttlMs);
  if (session && ttlMs < SESSION_TTL_MS_MIN) {
    refuse(`a session lives for at least ${SESSION_TTL_MS_MIN} ms, not for ${ttlMs}`);
  }
}

/** The same for the id of a lease that a client names. */
export function checkLeaseId(id: number): void {
  if (Number.isInteger(id) && id >= 1 && id < OWN_LEASE_IDS_FROM) return;
  refuse(`${id} is no lease id; they are from 1 to 2^52 - 1`);
}

/** The same for a time to live, of a lease or of a put; a put's 0, for ever, is not one. */
export function checkTtl(ttlMs: number): void {
  if (Number.isInteger(ttlMs) && ttlMs >= 1 && ttlMs <= LEASE_TTL_MS_MAX) return;
  refuse(`a time to live is from 1 to ${LEASE_TTL_MS_MAX} ms (ten years), not ${ttlMs}`);
}

/** The same for the mark that makes a write repeatable. */
export function checkSessionMark({ id, sequence, acknowledged }: SessionMark): void {
  checkLeaseId(id);
  if (sequence < 1) refuse("the writes of a session are counted from 1, this one has sequence 0");
  if (acknowledged < sequence) return;
  refuse(
    `write ${sequence} of session ${id} acknowledges results up to ${acknowledged}: ` +
      "its own cannot be among them",
  );
}

/**
 * Refuses another lease with `RATE_LIMITED` where there are `leasesMax`. Leases of puts do not
 * count: there is never more than one for a key.
 */
export function checkLeaseRoom(leases: LeaseTable, leasesMax: number): void {
  if (leases.grantedCount < leasesMax) return;
  throw new EngineError(
    "RATE_LIMITED",
    `there are ${leases.grantedCount} leases, leasesMax = ${leasesMax}; revoke some, ` +
      "or wait for some to expire",
  );
}

function refuse(message: string): never {
  throw new EngineError("INVALID_REQUEST", message);
}
