import { assertNever } from "@d-engine/core";
import { CodecError } from "./codec-error.js";
import {
  bytesFieldSize,
  optionalBytesSize,
  writeBytesField,
  writeHeader,
  writeOptionalBytes,
} from "./fields.js";
import type {
  Compare,
  CompareResult,
  CompareTarget,
  DeleteRangeCommand,
  LeasePutCommand,
  TxnCommand,
  TxnOperation,
} from "./kv-command.js";
import { rangeSize, writeRange } from "./kv-range.js";
import { txnDepthMax } from "./kv-txn-depth.js";
import { delimitedSize, uintFieldSize } from "./wire-type.js";
import type { Writer } from "./writer.js";

/** `d_engine.kv.v1.Txn` and what it is made of. Throws `CodecError` for what has no encoding. */

/** `depth` counts transactions from the outermost, which is 1. */
export function txnSize(txn: TxnCommand, depth: number): number {
  if (depth > txnDepthMax) {
    throw new CodecError("Txn", `transactions nested deeper than ${txnDepthMax}`);
  }
  let size = 0;
  for (const compare of txn.compares) size += delimitedSize(compareSize(compare));
  for (const operation of txn.success) size += delimitedSize(operationSize(operation, depth));
  for (const operation of txn.failure) size += delimitedSize(operationSize(operation, depth));
  return size;
}

export function writeTxn(writer: Writer, txn: TxnCommand, depth: number): void {
  for (const compare of txn.compares) {
    writeHeader(writer, 0x0a, compareSize(compare));
    writeCompare(writer, compare);
  }
  for (const operation of txn.success) writeOperation(writer, 0x12, operation, depth);
  for (const operation of txn.failure) writeOperation(writer, 0x1a, operation, depth);
}

export function putSize(put: LeasePutCommand): number {
  return (
    bytesFieldSize(put.key) +
    bytesFieldSize(put.value) +
    uintFieldSize(put.lease) +
    uintFieldSize(put.ttlMs)
  );
}

export function writePut(writer: Writer, put: LeasePutCommand): void {
  writeBytesField(writer, 0x0a, put.key);
  writeBytesField(writer, 0x12, put.value);
  writer.uint64Field(0x18, put.lease, "Put.lease");
  writer.uint64Field(0x20, put.ttlMs, "Put.ttl_ms");
}

export function deleteRangeSize(range: DeleteRangeCommand): number {
  return bytesFieldSize(range.key) + optionalBytesSize(range.rangeEnd);
}

export function writeDeleteRange(writer: Writer, range: DeleteRangeCommand): void {
  writeBytesField(writer, 0x0a, range.key);
  writeOptionalBytes(writer, 0x12, range.rangeEnd);
}

/** By the numbers of `Compare.Target`. */
export const compareTargets: readonly CompareTarget[] = [
  "version",
  "createRevision",
  "modRevision",
  "value",
  "lease",
];

/** By the numbers of `Compare.Result`. */
export const compareResults: readonly CompareResult[] = ["equal", "greater", "less", "notEqual"];

function compareSize(compare: Compare): number {
  return (
    uintFieldSize(numberOf(compareTargets, compare.target, "Compare.target")) +
    uintFieldSize(numberOf(compareResults, compare.result, "Compare.result")) +
    bytesFieldSize(compare.key) +
    optionalBytesSize(compare.rangeEnd) +
    uintFieldSize(compare.number) +
    bytesFieldSize(compare.value)
  );
}

function writeCompare(writer: Writer, compare: Compare): void {
  const target = numberOf(compareTargets, compare.target, "Compare.target");
  writer.uint64Field(0x08, target, "Compare.target");
  const result = numberOf(compareResults, compare.result, "Compare.result");
  writer.uint64Field(0x10, result, "Compare.result");
  writeBytesField(writer, 0x1a, compare.key);
  writeOptionalBytes(writer, 0x22, compare.rangeEnd);
  writer.uint64Field(0x28, compare.number, "Compare.number");
  writeBytesField(writer, 0x32, compare.value);
}

function numberOf(names: readonly string[], name: string, field: string): number {
  const number = names.indexOf(name);
  if (number < 0) throw new CodecError(field, `unknown ${JSON.stringify(name)}`);
  return number;
}

const operationTags: Readonly<Record<TxnOperation["kind"], number>> = {
  leasePut: 0x0a,
  deleteRange: 0x12,
  range: 0x1a,
  txn: 0x22,
};

function operationSize(operation: TxnOperation, depth: number): number {
  return delimitedSize(memberSize(operation, depth));
}

function memberSize(operation: TxnOperation, depth: number): number {
  switch (operation.kind) {
    case "leasePut":
      return putSize(operation);
    case "deleteRange":
      return deleteRangeSize(operation);
    case "range":
      return rangeSize(operation);
    case "txn":
      return txnSize(operation, depth + 1);
    default:
      return assertNever(operation);
  }
}

function writeOperation(writer: Writer, tag: number, operation: TxnOperation, depth: number): void {
  const size = memberSize(operation, depth);
  writeHeader(writer, tag, delimitedSize(size));
  writeHeader(writer, operationTags[operation.kind], size);
  switch (operation.kind) {
    case "leasePut":
      writePut(writer, operation);
      return;
    case "deleteRange":
      writeDeleteRange(writer, operation);
      return;
    case "range":
      writeRange(writer, operation);
      return;
    case "txn":
      writeTxn(writer, operation, depth + 1);
      return;
    default:
      assertNever(operation);
  }
}
