import type { TxnCommand, TxnOperationResult, TxnResult } from "@d-engine/codec";
import { assertNever } from "@d-engine/core";
import type { KvStore } from "../kv-store.js";
import { refused } from "../leases/lease-store.js";
import { entryBytes, readRange } from "../query/read-range.js";
import { type PlannedOperation, planRefusal, planTxn, type TxnPlan } from "../txn/txn-plan.js";
import type { WriteOutcome } from "../write-outcome.js";
import { removeSpan } from "./delete-range.js";
import { setKey } from "./put.js";

/**
 * Executes one branch of a transaction, in the order of its operations, by one revision for all
 * changes. What cannot be done is refused before anything is done.
 */
export function applyTxn(store: KvStore, txn: TxnCommand): WriteOutcome {
  const plan = planTxn(store, txn);
  const refusal = planRefusal(store, plan);
  if (refusal !== undefined) return refused(store, refusal);
  const execution = new TxnExecution(store);
  const result = execution.run(plan);
  store.commit();
  const { succeeded } = plan;
  const detail = { kind: "txn", ...result } as const;
  return { succeeded, revision: store.revision, existed: execution.existed, detail };
}

class TxnExecution {
  /** Whether an operation found a key that it put or deleted. */
  existed = false;
  readonly #store: KvStore;
  /** Left for what ranges answer. */
  #bytes = TXN_RESULT_BYTES_MAX;

  constructor(store: KvStore) {
    this.#store = store;
  }

  run({ succeeded, operations }: TxnPlan): TxnResult {
    return { succeeded, results: operations.map((operation) => this.#execute(operation)) };
  }

  #execute(operation: PlannedOperation): TxnOperationResult {
    const store = this.#store;
    switch (operation.kind) {
      case "leasePut": {
        const existed = setKey(store, operation, operation.ttlMs, operation.lease);
        this.existed ||= existed;
        return { kind: "put" };
      }
      case "deleteRange": {
        const deleted = removeSpan(store, operation);
        this.existed ||= deleted > 0;
        return { kind: "deleted", deleted };
      }
      case "range": {
        const result = readRange(store.records, store.nextRevision, operation, this.#bytes);
        for (const entry of result.entries) this.#bytes -= entryBytes(entry);
        return { kind: "range", ...result };
      }
      case "txn":
        return { kind: "txn", ...this.run(operation) };
      default:
        return assertNever(operation);
    }
  }
}

/**
 * What the ranges of one transaction answer together; what is beyond it is cut off with `more`. A
 * constant: it decides what replicas remember of a session's writes (rule R17).
 */
export const TXN_RESULT_BYTES_MAX = 1_048_576;
