import type { CommandResult, TxnOperationResult } from "./kv-command.js";
import {
  newRangeResult,
  type RangeResultDraft,
  readRangeResult,
} from "./kv-range-result-decoder.js";
import { txnDepthMax } from "./kv-txn-depth.js";
import { Reader } from "./reader.js";

/**
 * Reads one `d_engine.kv.v1.CommandResult`. Keys and values are views of `bytes`. Throws
 * `CodecError` for malformed bytes, for a result of no kind that this version knows, and for
 * transactions nested deeper than 8.
 */
export function decodeCommandResult(bytes: Uint8Array): CommandResult {
  const reader = new Reader(bytes);
  let result: ResultDraft | undefined;
  while (reader.hasMore()) {
    const tag = reader.tag("CommandResult");
    switch (tag) {
      case 0x0a: {
        if (result?.kind !== "txn") result = newTxnResult();
        const outer = reader.enter("CommandResult.txn");
        readTxnResult(reader, result, 1);
        reader.leave(outer);
        break;
      }
      case 0x12: {
        if (result?.kind !== "lease") result = { kind: "lease", id: 0, ttlMs: 0 };
        const outer = reader.enter("CommandResult.lease");
        readLeaseResult(reader, result);
        reader.leave(outer);
        break;
      }
      case 0x18:
        result = { kind: "deleted", deleted: reader.uint64("CommandResult.deleted") };
        break;
      default:
        reader.skipUnknown("CommandResult", tag, tag >>> 3 <= 3);
    }
  }
  return result ?? reader.fail("CommandResult", "holds no result that this version knows");
}

interface TxnResultDraft {
  readonly kind: "txn";
  succeeded: boolean;
  readonly results: TxnOperationResult[];
}

interface LeaseResultDraft {
  readonly kind: "lease";
  id: number;
  ttlMs: number;
}

interface DeletedResult {
  readonly kind: "deleted";
  readonly deleted: number;
}

type ResultDraft = TxnResultDraft | LeaseResultDraft | DeletedResult;

function newTxnResult(): TxnResultDraft {
  return { kind: "txn", succeeded: false, results: [] };
}

/** `depth` counts transactions from the outermost, which is 1. */
function readTxnResult(reader: Reader, txn: TxnResultDraft, depth: number): void {
  if (depth > txnDepthMax) {
    reader.fail("TxnResult", `transactions nested deeper than ${txnDepthMax}`);
  }
  while (reader.hasMore()) {
    const tag = reader.tag("TxnResult");
    if (tag === 0x08) {
      txn.succeeded = reader.flag("TxnResult.succeeded");
    } else if (tag === 0x12) {
      const outer = reader.enter("TxnResult.results");
      txn.results.push(readOperationResult(reader, depth));
      reader.leave(outer);
    } else {
      reader.skipUnknown("TxnResult", tag, tag >>> 3 <= 2);
    }
  }
}

function readLeaseResult(reader: Reader, lease: LeaseResultDraft): void {
  while (reader.hasMore()) {
    const tag = reader.tag("LeaseResult");
    if (tag === 0x08) lease.id = reader.uint64("LeaseResult.id");
    else if (tag === 0x10) lease.ttlMs = reader.uint64("LeaseResult.ttl_ms");
    else reader.skipUnknown("LeaseResult", tag, tag >>> 3 <= 2);
  }
}

type OperationResultDraft =
  | { readonly kind: "put" }
  | DeletedResult
  | RangeResultDraft
  | TxnResultDraft;

function readOperationResult(reader: Reader, depth: number): TxnOperationResult {
  let result: OperationResultDraft | undefined;
  while (reader.hasMore()) {
    const tag = reader.tag("TxnOperationResult");
    switch (tag) {
      case 0x08:
        reader.flag("TxnOperationResult.put");
        result = { kind: "put" };
        break;
      case 0x10:
        result = { kind: "deleted", deleted: reader.uint64("TxnOperationResult.deleted") };
        break;
      case 0x1a: {
        if (result?.kind !== "range") result = newRangeResult();
        const outer = reader.enter("TxnOperationResult.range");
        readRangeResult(reader, result);
        reader.leave(outer);
        break;
      }
      case 0x22: {
        if (result?.kind !== "txn") result = newTxnResult();
        const outer = reader.enter("TxnOperationResult.txn");
        readTxnResult(reader, result, depth + 1);
        reader.leave(outer);
        break;
      }
      default:
        reader.skipUnknown("TxnOperationResult", tag, tag >>> 3 <= 4);
    }
  }
  return result ?? reader.fail("TxnOperationResult", "holds no result that this version knows");
}
