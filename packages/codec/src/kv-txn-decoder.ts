import { assertNever } from "@d-engine/core";
import { type Draft, noBytes } from "./draft.js";
import type {
  Compare,
  DeleteRangeCommand,
  LeasePutCommand,
  RangeQuery,
  TxnOperation,
} from "./kv-command.js";
import { newRange, readRange } from "./kv-range.js";
import { txnDepthMax } from "./kv-txn-depth.js";
import { compareResults, compareTargets } from "./kv-txn-encoder.js";
import type { Reader } from "./reader.js";
import { newerVersion, refuseUnknownField } from "./unknown-field.js";
import { LENGTH_DELIMITED } from "./wire-type.js";

export interface TxnDraft {
  readonly kind: "txn";
  readonly compares: Compare[];
  readonly success: TxnOperation[];
  readonly failure: TxnOperation[];
}

export function newTxn(): TxnDraft {
  return { kind: "txn", compares: [], success: [], failure: [] };
}

/** `depth` counts transactions from the outermost, which is 1. */
export function readTxn(reader: Reader, txn: TxnDraft, depth: number): void {
  if (depth > txnDepthMax) reader.fail("Txn", `transactions nested deeper than ${txnDepthMax}`);
  while (reader.hasMore()) {
    const tag = reader.tag("Txn");
    if (tag !== 0x0a && tag !== 0x12 && tag !== 0x1a) {
      refuseUnknownField(reader, "Txn", tag, tag >>> 3 <= 3);
    }
    const outer = reader.enter("Txn");
    if (tag === 0x0a) txn.compares.push(readCompare(reader));
    else if (tag === 0x12) txn.success.push(readOperation(reader, depth));
    else txn.failure.push(readOperation(reader, depth));
    reader.leave(outer);
  }
}

export function newPut(): Draft<LeasePutCommand> {
  return { kind: "leasePut", key: noBytes, value: noBytes, lease: 0, ttlMs: 0 };
}

export function readPut(reader: Reader, put: Draft<LeasePutCommand>): void {
  while (reader.hasMore()) {
    const tag = reader.tag("Put");
    if (tag === 0x0a) put.key = reader.byteField("Put.key");
    else if (tag === 0x12) put.value = reader.byteField("Put.value");
    else if (tag === 0x18) put.lease = reader.uint64("Put.lease");
    else if (tag === 0x20) put.ttlMs = reader.uint64("Put.ttl_ms");
    else refuseUnknownField(reader, "Put", tag, tag >>> 3 <= 4);
  }
}

export function newDeleteRange(): Draft<DeleteRangeCommand> {
  return { kind: "deleteRange", key: noBytes, rangeEnd: undefined };
}

export function readDeleteRange(reader: Reader, range: Draft<DeleteRangeCommand>): void {
  while (reader.hasMore()) {
    const tag = reader.tag("DeleteRange");
    if (tag === 0x0a) range.key = reader.byteField("DeleteRange.key");
    else if (tag === 0x12) range.rangeEnd = reader.byteField("DeleteRange.range_end");
    else refuseUnknownField(reader, "DeleteRange", tag, tag >>> 3 <= 2);
  }
}

function readCompare(reader: Reader): Compare {
  let target = 0;
  let result = 0;
  let key = noBytes;
  let rangeEnd: Uint8Array | undefined;
  let number = 0;
  let value = noBytes;
  while (reader.hasMore()) {
    const tag = reader.tag("Compare");
    if (tag === 0x08) target = reader.uint32("Compare.target");
    else if (tag === 0x10) result = reader.uint32("Compare.result");
    else if (tag === 0x1a) key = reader.byteField("Compare.key");
    else if (tag === 0x22) rangeEnd = reader.byteField("Compare.range_end");
    else if (tag === 0x28) number = reader.uint64("Compare.number");
    else if (tag === 0x32) value = reader.byteField("Compare.value");
    else refuseUnknownField(reader, "Compare", tag, tag >>> 3 <= 6);
  }
  return {
    target: nameOf(compareTargets, target, "target"),
    result: nameOf(compareResults, result, "result"),
    key,
    rangeEnd,
    number,
    value,
  };
}

function nameOf<Name>(names: readonly Name[], number: number, field: string): Name {
  const name = names[number];
  // As bad as a field that we cannot read: it decides what the transaction does.
  if (name === undefined) throw newerVersion(`a Compare has ${field} ${number}`);
  return name;
}

type OperationDraft =
  | Draft<LeasePutCommand>
  | Draft<DeleteRangeCommand>
  | Draft<RangeQuery>
  | TxnDraft;

/** By the field numbers of `TxnOperation.operation`, which begin at 1. */
const operationKinds: readonly TxnOperation["kind"][] = ["leasePut", "deleteRange", "range", "txn"];

function readOperation(reader: Reader, depth: number): TxnOperation {
  let operation: OperationDraft | undefined;
  while (reader.hasMore()) {
    const tag = reader.tag("TxnOperation");
    const kind = operationKinds[(tag >>> 3) - 1];
    if (kind === undefined || (tag & 7) !== LENGTH_DELIMITED) {
      refuseUnknownField(reader, "TxnOperation", tag, kind !== undefined);
    }
    if (operation?.kind !== kind) operation = newOperation(kind);
    const outer = reader.enter("TxnOperation.operation");
    readMember(reader, operation, depth);
    reader.leave(outer);
  }
  return operation ?? reader.fail("TxnOperation", "holds no operation");
}

function newOperation(kind: TxnOperation["kind"]): OperationDraft {
  switch (kind) {
    case "leasePut":
      return newPut();
    case "deleteRange":
      return newDeleteRange();
    case "range":
      return newRange();
    case "txn":
      return newTxn();
    default:
      return assertNever(kind);
  }
}

function readMember(reader: Reader, operation: OperationDraft, depth: number): void {
  switch (operation.kind) {
    case "leasePut":
      readPut(reader, operation);
      return;
    case "deleteRange":
      readDeleteRange(reader, operation);
      return;
    case "range":
      readRange(reader, operation, refuseUnknownField);
      return;
    case "txn":
      readTxn(reader, operation, depth + 1);
      return;
    default:
      assertNever(operation);
  }
}
