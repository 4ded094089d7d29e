import type { AuthCommand, WriteCommand } from "@d-engine/codec";
import { assertNever, type LogIndex } from "@d-engine/core";
import type { Access } from "./auth/access.js";
import { changedAuth } from "./auth/apply-auth.js";
import { denialOf } from "./auth/authorize.js";
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
import type { WriteOutcome, WriteRefusal } from "./write-outcome.js";

/**
 * Executes a committed command: first its stamp moves the time of the machine (rule R15), then, in
 * a session, a repetition is answered with the first outcome and not executed (rule R17).
 */
export function execute(store: KvStore, command: WriteCommand, index: LogIndex): WriteOutcome {
  const { stampMs, mark } = command;
  if (stampMs !== undefined) store.leases.advance(stampMs);
  const access = accessFor(store, command);
  // Before the session: whoever has authenticated anew may send it again.
  if (access !== undefined && "code" in access) return refused(store, access);
  if (mark === undefined) return executeAs(store, command, index, access);
  const admission = store.sessions.admit(mark, access?.name);
  switch (admission.kind) {
    case "repeat":
      return admission.outcome;
    case "refuse":
      return refused(store, admission.refusal);
    case "execute": {
      const outcome = executeAs(store, command, index, access);
      store.sessions.record(mark, outcome);
      return outcome;
    }
    default:
      return assertNever(admission);
  }
}

/**
 * What whoever wrote the command may do, by the state that it meets: it was looked at before, but
 * a right may have been taken away meanwhile. `undefined`: everything.
 */
function accessFor(store: KvStore, command: WriteCommand): Access | WriteRefusal | undefined {
  const { auth } = store;
  if (!auth.enabled || isUpkeep(command)) return undefined;
  return auth.accessFor(command.identity);
}

/** What leaders alone propose, for nobody (rule R14). */
function isUpkeep({ kind }: WriteCommand): boolean {
  return kind === "expire" || kind === "time";
}

function executeAs(
  store: KvStore,
  command: WriteCommand,
  index: LogIndex,
  access: Access | undefined,
): WriteOutcome {
  const denial = access === undefined ? undefined : denialOf(store, command, access);
  if (denial !== undefined) return refused(store, denial);
  return executeOnce(store, command, index, access?.name ?? "");
}

/** Takes no revision: it changes no key. */
function applyAuth(store: KvStore, command: AuthCommand): WriteOutcome {
  const changed = changedAuth(store.auth, command);
  if ("code" in changed) return refused(store, changed);
  store.auth = changed;
  return { succeeded: true, revision: store.revision, existed: false };
}

function executeOnce(
  store: KvStore,
  command: WriteCommand,
  index: LogIndex,
  owner: string,
): WriteOutcome {
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
      return applyLeaseGrant(store, command, index, owner);
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
    case "auth":
      return applyAuth(store, command);
    default:
      return assertNever(command);
  }
}
