import { assertNever } from "@d-engine/core";
import { authChangeSize, writeAuthChange } from "./auth-change.js";
import { flagSize, writeFlag, writeHeader } from "./fields.js";
import type { ExpireCommand, KvCommand, LeaseDeadline } from "./kv-command.js";
import {
  deleteRangeSize,
  putSize,
  txnSize,
  writeDeleteRange,
  writePut,
  writeTxn,
} from "./kv-txn-encoder.js";
import { delimitedSize, uintFieldSize } from "./wire-type.js";
import { Writer } from "./writer.js";

/**
 * `d_engine.kv.v1.Command` by itself; in a write, as `encodeKvWrite` puts it there. Throws
 * `CodecError` for numbers that are not integers from 0 to 2^53 - 1, and for transactions nested
 * deeper than 8.
 */
export function encodeKvCommand(command: KvCommand): Uint8Array {
  const writer = new Writer(new Uint8Array(kvCommandSize(command)));
  writeKvCommand(writer, command);
  return writer.finish();
}

export function kvCommandSize(command: KvCommand): number {
  return delimitedSize(memberSize(command));
}

/** Writes exactly `kvCommandSize(command)` bytes, for which there is room. */
export function writeKvCommand(writer: Writer, command: KvCommand): void {
  writeHeader(writer, commandTags[command.kind], memberSize(command));
  switch (command.kind) {
    case "txn":
      writeTxn(writer, command, 1);
      return;
    case "leasePut":
      writePut(writer, command);
      return;
    case "deleteRange":
      writeDeleteRange(writer, command);
      return;
    case "leaseGrant":
      writer.uint64Field(0x08, command.id, "LeaseGrant.id");
      writer.uint64Field(0x10, command.ttlMs, "LeaseGrant.ttl_ms");
      writeFlag(writer, 0x18, command.session);
      return;
    case "leaseKeepAlive":
      writer.uint64Field(0x08, command.id, "LeaseKeepAlive.id");
      return;
    case "leaseRevoke":
      writer.uint64Field(0x08, command.id, "LeaseRevoke.id");
      return;
    case "compact":
      writer.uint64Field(0x08, command.revision, "Compact.revision");
      return;
    case "expire":
      writeExpire(writer, command);
      return;
    case "time":
      return;
    case "auth":
      writeAuthChange(writer, command);
      return;
    default:
      assertNever(command);
  }
}

const commandTags: Readonly<Record<KvCommand["kind"], number>> = {
  txn: 0x0a,
  leasePut: 0x12,
  deleteRange: 0x1a,
  leaseGrant: 0x22,
  leaseKeepAlive: 0x2a,
  leaseRevoke: 0x32,
  compact: 0x3a,
  expire: 0x42,
  time: 0x4a,
  auth: 0x52,
};

function memberSize(command: KvCommand): number {
  switch (command.kind) {
    case "txn":
      return txnSize(command, 1);
    case "leasePut":
      return putSize(command);
    case "deleteRange":
      return deleteRangeSize(command);
    case "leaseGrant":
      return uintFieldSize(command.id) + uintFieldSize(command.ttlMs) + flagSize(command.session);
    case "leaseKeepAlive":
    case "leaseRevoke":
      return uintFieldSize(command.id);
    case "compact":
      return uintFieldSize(command.revision);
    case "expire":
      return command.leases.reduce((size, one) => size + delimitedSize(deadlineSize(one)), 0);
    case "time":
      return 0;
    case "auth":
      return authChangeSize(command);
    default:
      return assertNever(command);
  }
}

function deadlineSize({ id, deadlineMs }: LeaseDeadline): number {
  return uintFieldSize(id) + uintFieldSize(deadlineMs);
}

function writeExpire(writer: Writer, command: ExpireCommand): void {
  for (const lease of command.leases) {
    writeHeader(writer, 0x0a, deadlineSize(lease));
    writer.uint64Field(0x08, lease.id, "LeaseDeadline.id");
    writer.uint64Field(0x10, lease.deadlineMs, "LeaseDeadline.deadline_ms");
  }
}
