import type { TxnCommand, TxnOperation, WriteCommand } from "@d-engine/codec";
import { assertNever } from "@d-engine/core";

/** Whether a command lives by the time of the cluster, which the leader's stamp tells (rule R15). */
export function needsStamp(command: WriteCommand): boolean {
  switch (command.kind) {
    case "put":
    case "leasePut":
      return command.ttlMs !== 0;
    case "txn":
      return hasTtl(command);
    case "leaseGrant":
    case "leaseKeepAlive":
    case "expire":
    case "time":
      return true;
    case "delete":
    case "compareAndSwap":
    case "deleteRange":
    case "leaseRevoke":
    case "compact":
    case "auth":
      return false;
    default:
      return assertNever(command);
  }
}

function hasTtl({ success, failure }: TxnCommand): boolean {
  return success.some(operationHasTtl) || failure.some(operationHasTtl);
}

function operationHasTtl(operation: TxnOperation): boolean {
  if (operation.kind === "txn") return hasTtl(operation);
  return operation.kind === "leasePut" && operation.ttlMs !== 0;
}
