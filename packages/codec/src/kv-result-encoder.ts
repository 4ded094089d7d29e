import { assertNever } from "@d-engine/core";
import { CodecError } from "./codec-error.js";
import { flagSize, writeFlag, writeHeader } from "./fields.js";
import type { CommandResult, TxnOperationResult, TxnResult } from "./kv-command.js";
import { rangeResultSize, writeRangeResult } from "./kv-range-result-encoder.js";
import { txnDepthMax } from "./kv-txn-depth.js";
import { delimitedSize, uintFieldSize, varintSize } from "./wire-type.js";
import { Writer } from "./writer.js";

/**
 * Encodes a `d_engine.kv.v1.CommandResult`. Throws `CodecError` for numbers that are not integers
 * from 0 to 2^53 - 1, and for transactions nested deeper than 8.
 */
export function encodeCommandResult(result: CommandResult): Uint8Array {
  const writer = new Writer(new Uint8Array(resultSize(result)));
  switch (result.kind) {
    case "txn":
      writeHeader(writer, 0x0a, txnResultSize(result, 1));
      writeTxnResult(writer, result, 1);
      break;
    case "lease":
      writeHeader(writer, 0x12, uintFieldSize(result.id) + uintFieldSize(result.ttlMs));
      writer.uint64Field(0x08, result.id, "LeaseResult.id");
      writer.uint64Field(0x10, result.ttlMs, "LeaseResult.ttl_ms");
      break;
    case "deleted":
      writer.presentUint64Field(0x18, result.deleted, "CommandResult.deleted");
      break;
    default:
      assertNever(result);
  }
  return writer.finish();
}

function resultSize(result: CommandResult): number {
  switch (result.kind) {
    case "txn":
      return delimitedSize(txnResultSize(result, 1));
    case "lease":
      return delimitedSize(uintFieldSize(result.id) + uintFieldSize(result.ttlMs));
    case "deleted":
      return 1 + varintSize(result.deleted);
    default:
      return assertNever(result);
  }
}

/** `depth` counts transactions from the outermost, which is 1. */
function txnResultSize(txn: TxnResult, depth: number): number {
  if (depth > txnDepthMax) {
    throw new CodecError("TxnResult", `transactions nested deeper than ${txnDepthMax}`);
  }
  let size = flagSize(txn.succeeded);
  for (const result of txn.results) size += delimitedSize(operationResultSize(result, depth));
  return size;
}

function writeTxnResult(writer: Writer, txn: TxnResult, depth: number): void {
  writeFlag(writer, 0x08, txn.succeeded);
  for (const result of txn.results) {
    writeHeader(writer, 0x12, operationResultSize(result, depth));
    writeOperationResult(writer, result, depth);
  }
}

function operationResultSize(result: TxnOperationResult, depth: number): number {
  switch (result.kind) {
    case "put":
      return 2;
    case "deleted":
      return 1 + varintSize(result.deleted);
    case "range":
      return delimitedSize(rangeResultSize(result));
    case "txn":
      return delimitedSize(txnResultSize(result, depth + 1));
    default:
      return assertNever(result);
  }
}

function writeOperationResult(writer: Writer, result: TxnOperationResult, depth: number): void {
  switch (result.kind) {
    case "put":
      writeFlag(writer, 0x08, true);
      return;
    case "deleted":
      writer.presentUint64Field(0x10, result.deleted, "TxnOperationResult.deleted");
      return;
    case "range":
      writeHeader(writer, 0x1a, rangeResultSize(result));
      writeRangeResult(writer, result);
      return;
    case "txn":
      writeHeader(writer, 0x22, txnResultSize(result, depth + 1));
      writeTxnResult(writer, result, depth + 1);
      return;
    default:
      assertNever(result);
  }
}
