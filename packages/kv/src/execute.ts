import type { WriteCommand } from "@d-engine/codec";
import { assertNever, type LogIndex } from "@d-engine/core";
import { applyCompact } from "./handlers/compact.js";
import { applyCompareAndSwap } from "./handlers/compare-and-swap.js";
import { applyDelete } from "./handlers/delete.js";
import { applyDeleteRange } from "./handlers/delete-range.js";
import { applyLeasePut } from "./handlers/lease-put.js";
import { applyPut } from "./handlers/put.js";
import { applyTxn } from "./handlers/txn.js";
import type { KvStore } from "./kv-store.js";
import { applyExpire } from "./leases/expire.js";
import { applyLeaseGrant } from "./leases/lease-grant.js";
import { applyLeaseKeepAlive } from "./leases/lease-keep-alive.js";
import { applyLeaseRevoke } from "./leases/lease-revoke.js";
import { refused } from "./leases/lease-store.js";
import { applyTime } from "./leases/time.js";
import type { WriteOutcome } from "./write-outcome.js";

/**
 * Executes a committed command: first its stamp moves the time of the machine (rule R15), then, in
 * a session, a repetition is answered with the first outcome and not executed (rule R17).
 */
export function execute(store: KvStore, command: WriteCommand, index: LogIndex): WriteOutcome {
  const { stampMs, mark } = command;
  if (stampMs !== undefined) store.leases.advance(stampMs);
  if (mark === undefined) return executeOnce(store, command, index);
  const admission = store.sessions.admit(mark);
  switch (admission.kind) {
    case "repeat":
      return admission.outcome;
    case "refuse":
      return refused(store, admission.refusal);
    case "execute": {
      const outcome = executeOnce(store, command, index);
      store.sessions.record(mark, outcome);
      return outcome;
    }
    default:
      return assertNever(admission);
  }
}

function executeOnce(store: KvStore, command: WriteCommand, index: LogIndex): WriteOutcome {
  switch (command.kind) {
    case "put":
      return applyPut(store, command);
    case "delete":
      return applyDelete(store, command);
    case "compareAndSwap":
      return applyCompareAndSwap(store, command);
    case "txn":
      return applyTxn(store, command);
    case "leasePut":
      return applyLeasePut(store, command);
    case "deleteRange":
      return applyDeleteRange(store, command);
    case "leaseGrant":
      return applyLeaseGrant(store, command, index);
    case "leaseKeepAlive":
      return applyLeaseKeepAlive(store, command);
    case "leaseRevoke":
      return applyLeaseRevoke(store, command);
    case "compact":
      return applyCompact(store, command);
    case "expire":
      return applyExpire(store, command);
    case "time":
      return applyTime(store);
    default:
      return assertNever(command);
  }
}
