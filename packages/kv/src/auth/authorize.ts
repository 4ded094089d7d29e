import type { Compare, KvQuery, TxnCommand, TxnOperation, WriteCommand } from "@d-engine/codec";
import { assertNever } from "@d-engine/core";
import type { LeaseTable } from "../leases/lease-table.js";
import { type KeyRange, lowestByte, spanRange } from "../prefix-range.js";
import type { SessionTable } from "../sessions/session-table.js";
import type { WriteRefusal } from "../write-outcome.js";
import type { Access } from "./access.js";
import { deniedKeys, deniedLease, deniedRoot } from "./denials.js";

/** Of the store, what decides beside the user. */
export interface LeaseOwnership {
  readonly leases: LeaseTable;
  readonly sessions: SessionTable;
}

/**
 * Why a command is not allowed to whoever has this access; `undefined`: it is. Every part of a
 * transaction counts, in the branch that is not taken too: otherwise a compare would tell what may
 * not be read.
 */
export function denialOf(
  store: LeaseOwnership,
  command: WriteCommand,
  access: Access,
): WriteRefusal | undefined {
  if (access.root) return undefined;
  switch (command.kind) {
    case "put":
    case "delete":
      return write(access, spanRange({ key: command.key, rangeEnd: undefined }));
    case "compareAndSwap": {
      const range = spanRange({ key: command.key, rangeEnd: undefined });
      return read(access, range) ?? write(access, range);
    }
    case "leasePut":
    case "deleteRange":
    case "txn":
      return operation(store, command, access);
    case "leaseKeepAlive":
    case "leaseRevoke":
      return lease(store, command.id, access);
    case "compact":
      return deniedRoot(access, "compact the history");
    case "auth":
      if (command.change === "setPassword" && command.user === access.name) return undefined;
      return deniedRoot(access, "change users and roles");
    case "leaseGrant":
    // Never a client's (rule R14).
    case "expire":
    case "time":
      return undefined;
    default:
      return assertNever(command);
  }
}

/** As `denialOf`, of a query. The ids of leases are no secret; their keys are. */
export function queryDenialOf(
  { leases }: LeaseOwnership,
  query: KvQuery,
  access: Access,
): WriteRefusal | undefined {
  if (access.root) return undefined;
  switch (query.kind) {
    case "range":
      return read(access, spanRange(query));
    case "leaseTimeToLive": {
      const mayRead = (key: string) => access.mayRead({ from: key, to: key + lowestByte });
      if (!query.keys || leases.everyKey(query.id, mayRead)) return undefined;
      return deniedLease(access, query.id);
    }
    case "leaseList":
      return undefined;
    default:
      return assertNever(query);
  }
}

/** Why these keys are not to be read by whoever has this access; `undefined`: they are. */
export function readDenialOf(access: Access, range: KeyRange): WriteRefusal | undefined {
  return read(access, range);
}

function operation(
  store: LeaseOwnership,
  one: TxnOperation,
  access: Access,
): WriteRefusal | undefined {
  switch (one.kind) {
    case "leasePut": {
      const denied = write(access, spanRange({ key: one.key, rangeEnd: undefined }));
      return denied ?? (one.lease === 0 ? undefined : lease(store, one.lease, access));
    }
    case "deleteRange":
      return write(access, spanRange(one));
    case "range":
      return read(access, spanRange(one));
    case "txn":
      return txn(store, one, access);
    default:
      return assertNever(one);
  }
}

function txn(
  store: LeaseOwnership,
  { compares, success, failure }: TxnCommand,
  access: Access,
): WriteRefusal | undefined {
  return (
    first(compares, (compare: Compare) => read(access, spanRange(compare))) ??
    first(success, (one) => operation(store, one, access)) ??
    first(failure, (one) => operation(store, one, access))
  );
}

function first<T>(
  items: readonly T[],
  denial: (item: T) => WriteRefusal | undefined,
): WriteRefusal | undefined {
  for (const item of items) {
    const denied = denial(item);
    if (denied !== undefined) return denied;
  }
  return undefined;
}

function read(access: Access, range: KeyRange): WriteRefusal | undefined {
  return access.mayRead(range) ? undefined : deniedKeys(access, "read", range);
}

function write(access: Access, range: KeyRange): WriteRefusal | undefined {
  return access.mayWrite(range) ? undefined : deniedKeys(access, "write", range);
}

/** To end a lease is to delete its keys, and to prolong it to keep them. */
function lease(
  { leases, sessions }: LeaseOwnership,
  id: number,
  access: Access,
): WriteRefusal | undefined {
  const session = sessions.get(id);
  if (session !== undefined && session.owner !== access.name) return deniedLease(access, id);
  return leases.everyKey(id, (key) => access.mayWrite({ from: key, to: key + lowestByte }))
    ? undefined
    : deniedLease(access, id);
}
