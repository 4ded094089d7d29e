import { keyToString, type TxnCommand, type TxnOperation } from "@d-engine/codec";
import { assertNever } from "@d-engine/core";
import type { KvLimits } from "../limits.js";
import { type KeyRange, spanRange } from "../prefix-range.js";
import { checkLeasePut } from "./check-put.js";
import { checkSpan, checkValue, refuse } from "./check-sizes.js";

/** Transactions within one another: what recurses over them goes no deeper. */
export const TXN_DEPTH_MAX = 8;

/**
 * Refuses a transaction that is too large or too deep, whose parts are outside the bounds, or that
 * would change a key twice: two puts of it, or a put and a delete, in branches that can both be
 * taken. As all changes are of one revision, such a key would have two states in it.
 */
export function checkTxn(txn: TxnCommand, limits: KvLimits): void {
  const counts: Counts = { operations: 0, compares: 0 };
  checkParts(txn, 1, counts, limits);
  changesOf(txn);
}

interface Counts {
  operations: number;
  compares: number;
}

function checkParts(txn: TxnCommand, depth: number, counts: Counts, limits: KvLimits): void {
  if (depth > TXN_DEPTH_MAX) {
    refuse(`transactions are nested deeper than ${TXN_DEPTH_MAX}`);
  }
  const { txnOperationsMax } = limits;
  counts.operations += txn.success.length + txn.failure.length;
  counts.compares += txn.compares.length;
  checkCount("operations", counts.operations, txnOperationsMax);
  checkCount("compares", counts.compares, txnOperationsMax);
  for (const compare of txn.compares) {
    checkSpan(compare, limits);
    checkValue("value of a compare", compare.value.length, limits);
  }
  for (const operation of [...txn.success, ...txn.failure]) {
    checkOperation(operation, depth, counts, limits);
  }
}

function checkOperation(
  operation: TxnOperation,
  depth: number,
  counts: Counts,
  limits: KvLimits,
): void {
  switch (operation.kind) {
    case "leasePut":
      checkLeasePut(operation, limits);
      return;
    case "deleteRange":
      checkSpan(operation, limits);
      return;
    case "range":
      checkSpan(operation, limits);
      if (operation.revision === 0) return;
      refuse("a range within a transaction reads what is there; it names no revision");
      return;
    case "txn":
      checkParts(operation, depth + 1, counts, limits);
      return;
    default:
      assertNever(operation);
  }
}

function checkCount(what: string, count: number, txnOperationsMax: number): void {
  if (count <= txnOperationsMax) return;
  refuse(
    `the transaction has at least ${count} ${what}, inner ones included, more than ` +
      `txnOperationsMax = ${txnOperationsMax}`,
  );
}

/** What a part of a transaction may change. */
interface Changes {
  readonly puts: Set<string>;
  readonly deletes: KeyRange[];
}

/** Of the two branches one is taken: they may change the same keys. */
function changesOf({ success, failure }: TxnCommand): Changes {
  const taken = changesOfBranch(success);
  const other = changesOfBranch(failure);
  for (const key of other.puts) taken.puts.add(key);
  taken.deletes.push(...other.deletes);
  return taken;
}

function changesOfBranch(operations: readonly TxnOperation[]): Changes {
  const all: Changes = { puts: new Set(), deletes: [] };
  for (const operation of operations) {
    const { puts, deletes } = changesOfOperation(operation);
    for (const key of puts) {
      if (all.puts.has(key) || all.deletes.some((range) => contains(range, key))) refuseTwice(key);
    }
    for (const range of deletes) {
      for (const key of all.puts) if (contains(range, key)) refuseTwice(key);
    }
    for (const key of puts) all.puts.add(key);
    all.deletes.push(...deletes);
  }
  return all;
}

function changesOfOperation(operation: TxnOperation): Changes {
  switch (operation.kind) {
    case "leasePut":
      return { puts: new Set([keyToString(operation.key)]), deletes: [] };
    case "deleteRange":
      return { puts: new Set(), deletes: [spanRange(operation)] };
    case "range":
      return { puts: new Set(), deletes: [] };
    case "txn":
      return changesOf(operation);
    default:
      return assertNever(operation);
  }
}

function contains({ from, to }: KeyRange, key: string): boolean {
  return key >= from && key < to;
}

function refuseTwice(key: string): never {
  refuse(
    `the transaction would change the key ${JSON.stringify(key)} twice; ` +
      "put each key once, and delete none that is put",
  );
}
