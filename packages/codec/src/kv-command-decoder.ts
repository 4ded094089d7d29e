import { assertNever } from "@d-engine/core";
import { type AuthDraft, finishAuthChange, newAuthChange, readAuthChange } from "./auth-change.js";
import type { Draft } from "./draft.js";
import type {
  CompactCommand,
  DeleteRangeCommand,
  KvCommand,
  LeaseDeadline,
  LeaseGrantCommand,
  LeaseKeepAliveCommand,
  LeasePutCommand,
  LeaseRevokeCommand,
  TimeCommand,
} from "./kv-command.js";
import {
  newDeleteRange,
  newPut,
  newTxn,
  readDeleteRange,
  readPut,
  readTxn,
  type TxnDraft,
} from "./kv-txn-decoder.js";
import { Reader } from "./reader.js";
import { refuseUnknownField } from "./unknown-field.js";
import { LENGTH_DELIMITED } from "./wire-type.js";

/**
 * Reads one `d_engine.kv.v1.Command`. Keys and values are views of `bytes`. `origin` is where in
 * a longer input these begin, for the errors. A command is agreed on by all nodes, so one that
 * passed over a part of it would do something else than its peers: unlike in messages between
 * client and server, what this version does not know is refused.
 *
 * @throws CodecError for malformed bytes, for a command or an operation of a transaction that holds
 * none, and for transactions nested deeper than 8
 * @throws EngineError `VERSION_MISMATCH` for an unknown field, or kind of compare or change
 */
export function decodeKvCommand(bytes: Uint8Array, origin = 0): KvCommand {
  const reader = new Reader(bytes, undefined, origin);
  let command: CommandDraft | undefined;
  while (reader.hasMore()) {
    const tag = reader.tag("Command");
    const kind = commandKinds[(tag >>> 3) - 1];
    if (kind === undefined || (tag & 7) !== LENGTH_DELIMITED) {
      refuseUnknownField(reader, "Command", tag, kind !== undefined);
    }
    if (command?.kind !== kind) command = newCommand(kind);
    const outer = reader.enter("Command.operation");
    readMember(reader, command);
    reader.leave(outer);
  }
  if (command?.kind === "auth") return finishAuthChange(reader, command);
  return command ?? reader.fail("Command", "holds no operation");
}

/** By the field numbers of `Command.operation`, which begin at 1. */
const commandKinds: readonly KvCommand["kind"][] = [
  "txn",
  "leasePut",
  "deleteRange",
  "leaseGrant",
  "leaseKeepAlive",
  "leaseRevoke",
  "compact",
  "expire",
  "time",
  "auth",
];

interface ExpireDraft {
  readonly kind: "expire";
  readonly leases: LeaseDeadline[];
}

type CommandDraft =
  | TxnDraft
  | Draft<LeasePutCommand>
  | Draft<DeleteRangeCommand>
  | Draft<LeaseGrantCommand>
  | Draft<LeaseKeepAliveCommand>
  | Draft<LeaseRevokeCommand>
  | Draft<CompactCommand>
  | ExpireDraft
  | TimeCommand
  | AuthDraft;

function newCommand(kind: KvCommand["kind"]): CommandDraft {
  switch (kind) {
    case "txn":
      return newTxn();
    case "leasePut":
      return newPut();
    case "deleteRange":
      return newDeleteRange();
    case "leaseGrant":
      return { kind, id: 0, ttlMs: 0, session: false };
    case "leaseKeepAlive":
      return { kind, id: 0 };
    case "leaseRevoke":
      return { kind, id: 0 };
    case "compact":
      return { kind, revision: 0 };
    case "expire":
      return { kind, leases: [] };
    case "time":
      return { kind };
    case "auth":
      return newAuthChange();
    default:
      return assertNever(kind);
  }
}

function readMember(reader: Reader, command: CommandDraft): void {
  switch (command.kind) {
    case "txn":
      readTxn(reader, command, 1);
      return;
    case "leasePut":
      readPut(reader, command);
      return;
    case "deleteRange":
      readDeleteRange(reader, command);
      return;
    case "leaseGrant":
      readLeaseGrant(reader, command);
      return;
    case "leaseKeepAlive":
      command.id = readOnlyNumber(reader, "LeaseKeepAlive", "id", command.id);
      return;
    case "leaseRevoke":
      command.id = readOnlyNumber(reader, "LeaseRevoke", "id", command.id);
      return;
    case "compact":
      command.revision = readOnlyNumber(reader, "Compact", "revision", command.revision);
      return;
    case "expire":
      readExpire(reader, command);
      return;
    case "time":
      if (reader.hasMore()) refuseUnknownField(reader, "Time", reader.tag("Time"), false);
      return;
    case "auth":
      readAuthChange(reader, command);
      return;
    default:
      assertNever(command);
  }
}

function readLeaseGrant(reader: Reader, grant: Draft<LeaseGrantCommand>): void {
  while (reader.hasMore()) {
    const tag = reader.tag("LeaseGrant");
    if (tag === 0x08) grant.id = reader.uint64("LeaseGrant.id");
    else if (tag === 0x10) grant.ttlMs = reader.uint64("LeaseGrant.ttl_ms");
    else if (tag === 0x18) grant.session = reader.flag("LeaseGrant.session");
    else refuseUnknownField(reader, "LeaseGrant", tag, tag >>> 3 <= 3);
  }
}

/** A message of one number, field 1; `first` is what an earlier occurrence held. */
function readOnlyNumber(reader: Reader, message: string, field: string, first: number): number {
  let number = first;
  while (reader.hasMore()) {
    const tag = reader.tag(message);
    if (tag === 0x08) number = reader.uint64(`${message}.${field}`);
    else refuseUnknownField(reader, message, tag, tag >>> 3 === 1);
  }
  return number;
}

function readExpire(reader: Reader, expire: ExpireDraft): void {
  while (reader.hasMore()) {
    const tag = reader.tag("Expire");
    if (tag !== 0x0a) refuseUnknownField(reader, "Expire", tag, tag >>> 3 === 1);
    const outer = reader.enter("Expire.leases");
    expire.leases.push(readLeaseDeadline(reader));
    reader.leave(outer);
  }
}

function readLeaseDeadline(reader: Reader): LeaseDeadline {
  let id = 0;
  let deadlineMs = 0;
  while (reader.hasMore()) {
    const tag = reader.tag("LeaseDeadline");
    if (tag === 0x08) id = reader.uint64("LeaseDeadline.id");
    else if (tag === 0x10) deadlineMs = reader.uint64("LeaseDeadline.deadline_ms");
    else refuseUnknownField(reader, "LeaseDeadline", tag, tag >>> 3 <= 2);
  }
  return { id, deadlineMs };
}
