import type { ExpireCommand, WriteCommand } from "@d-engine/codec";
import { assertNever } from "@d-engine/core";
import { problemOf } from "../auth/apply-auth.js";
import { EXPIRE_LEASES_MAX } from "../leases/bounds.js";
import {
  checkLeaseGrant,
  checkLeaseId,
  checkSessionMark,
  checkTtl,
} from "../leases/check-lease.js";
import type { KvLimits } from "../limits.js";
import { checkLeasePut, checkPlainPut } from "./check-put.js";
import { checkKey, checkSpan, checkValue, refuse } from "./check-sizes.js";
import { checkTxn } from "./check-txn.js";
import { needsStamp } from "./needs-stamp.js";

/**
 * Refuses what this node does not admit to the log, from whomever it comes: sizes and numbers
 * outside the bounds, transactions that contradict themselves, and what lives by the time of the
 * cluster without the leader's stamp. Throws `INVALID_REQUEST`, naming the field, its size and the
 * bound.
 */
export function checkCommand(command: WriteCommand, limits: KvLimits): void {
  if (command.mark !== undefined) checkSessionMark(command.mark);
  checkOperation(command, limits);
  if (command.stampMs === undefined && needsStamp(command)) {
    refuse(`a command of kind ${command.kind} needs the stamp of the leader here`);
  }
}

function checkOperation(command: WriteCommand, limits: KvLimits): void {
  switch (command.kind) {
    case "put":
      checkPlainPut(command.key.length, command.value.length, limits);
      if (command.ttlMs !== 0) checkTtl(command.ttlMs);
      return;
    case "delete":
      checkKey(command.key.length, limits);
      return;
    case "compareAndSwap":
      checkKey(command.key.length, limits);
      checkValue("expected value", command.expected?.length ?? 0, limits);
      checkValue("new value", command.value.length, limits);
      return;
    case "txn":
      checkTxn(command, limits);
      return;
    case "leasePut":
      checkLeasePut(command, limits);
      return;
    case "deleteRange":
      checkSpan(command, limits);
      return;
    case "leaseGrant":
      checkLeaseGrant(command);
      return;
    case "leaseKeepAlive":
    case "leaseRevoke":
      checkLeaseId(command.id);
      return;
    case "compact":
      if (command.revision === 0) refuse("there is no revision 0 to compact at; give 1 or more");
      return;
    case "expire":
      checkExpire(command);
      return;
    case "time":
      return;
    case "auth": {
      const problem = problemOf(command);
      if (problem !== undefined) refuse(problem);
      return;
    }
    default:
      assertNever(command);
  }
}

function checkExpire({ leases }: ExpireCommand): void {
  if (leases.length <= EXPIRE_LEASES_MAX) return;
  refuse(`an expiry names ${leases.length} leases, more than ${EXPIRE_LEASES_MAX}`);
}
