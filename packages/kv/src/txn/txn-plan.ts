import {
  type DeleteRangeCommand,
  keyToString,
  type LeasePutCommand,
  type RangeQuery,
  type TxnCommand,
} from "@d-engine/codec";
import { deleteRefusal } from "../handlers/delete-range.js";
import type { KvStore } from "../kv-store.js";
import type { WriteRefusal } from "../write-outcome.js";
import { compareHolds } from "./compares.js";

/** A transaction whose compares were evaluated: what is to be done. */
export interface TxnPlan {
  readonly kind: "txn";
  readonly succeeded: boolean;
  readonly operations: readonly PlannedOperation[];
}

export type PlannedOperation = LeasePutCommand | DeleteRangeCommand | RangeQuery | TxnPlan;

/**
 * Chooses the branch of a transaction and of those within it. All compares are of the state before
 * the first change, those of inner transactions too, as in etcd: so it is known what will be done,
 * and can be refused, before anything is done.
 */
export function planTxn(store: KvStore, txn: TxnCommand): TxnPlan {
  const succeeded = txn.compares.every((compare) => compareHolds(store.records, compare));
  const branch = succeeded ? txn.success : txn.failure;
  return {
    kind: "txn",
    succeeded,
    operations: branch.map((operation) =>
      operation.kind === "txn" ? planTxn(store, operation) : operation,
    ),
  };
}

/** Why the plan cannot be carried out; `undefined`: it can, and nothing in it will fail. */
export function planRefusal(store: KvStore, plan: TxnPlan): WriteRefusal | undefined {
  const spans: DeleteRangeCommand[] = [];
  const keysByLease = new Map<number, string[]>();
  forEachOperation(plan, (operation) => {
    if (operation.kind === "deleteRange") spans.push(operation);
    if (operation.kind !== "leasePut" || operation.lease === 0) return;
    const keys = keysByLease.get(operation.lease) ?? [];
    keys.push(keyToString(operation.key));
    keysByLease.set(operation.lease, keys);
  });
  for (const [lease, keys] of keysByLease) {
    const refusal = store.leases.attachRefusal(lease, keys);
    if (refusal !== undefined) return refusal;
  }
  return deleteRefusal(store, spans);
}

function forEachOperation(
  { operations }: TxnPlan,
  visit: (operation: Exclude<PlannedOperation, TxnPlan>) => void,
): void {
  for (const operation of operations) {
    if (operation.kind === "txn") forEachOperation(operation, visit);
    else visit(operation);
  }
}
