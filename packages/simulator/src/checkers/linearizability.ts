import { explainImpossible } from "./explain.js";
import type { HistoryOperation } from "./history.js";
import { isAcknowledgedWrite } from "./history.js";
import { prepareKeyHistory } from "./key-history.js";
import { searchKeyHistory } from "./key-search.js";
import { checkRevisionOrder } from "./revision-order.js";
import { checkStaleReads } from "./stale-reads.js";

export interface LinearizabilityOptions {
  /** Configurations that may be visited for one key before it is given up as undecided. */
  readonly stepsMaxPerKey?: number;
  /** Answered operations below which the history proves nothing. */
  readonly answeredMin?: number;
  /** Acknowledged writes below which the history proves nothing. */
  readonly writesMin?: number;
  /** Answered reads, eventual ones left out, below which the history proves nothing. */
  readonly readsMin?: number;
}

/** Feeds the defaults of the checker and of its command line. */
export const LINEARIZABILITY_DEFAULTS: Required<LinearizabilityOptions> = Object.freeze({
  stepsMaxPerKey: 500_000,
  answeredMin: 1,
  writesMin: 0,
  readsMin: 0,
});

export interface HistoryCounts {
  readonly operations: number;
  readonly keys: number;
  readonly answered: number;
  readonly writes: number;
  readonly reads: number;
  readonly unknown: number;
  readonly failed: number;
}

/** `undecided` and `tooFew` are not successes: nothing was proved. */
export type HistoryVerdict = { readonly counts: HistoryCounts } & (
  | { readonly kind: "ok"; readonly steps: number }
  | { readonly kind: "violation"; readonly key: string | undefined; readonly explanation: string }
  | { readonly kind: "undecided"; readonly explanation: string }
  | { readonly kind: "tooFew"; readonly explanation: string }
);

/**
 * Judges a history of single-key operations: strict serializability of each key (C1, I10; every
 * operation touches one key, so that keys may be judged one by one), an order of revisions over
 * all keys that agrees with real time, eventual reads that never go back. A breach that was found
 * is reported before anything that could not be decided.
 */
export function checkHistory(
  operations: readonly HistoryOperation[],
  options: LinearizabilityOptions = {},
): HistoryVerdict {
  const limits = { ...LINEARIZABILITY_DEFAULTS, ...options };
  const keys = groupByKey(operations);
  const counts = countOperations(operations, keys.size);
  const disorder = checkRevisionOrder(operations);
  if (disorder !== undefined) {
    return { kind: "violation", counts, key: undefined, explanation: disorder };
  }
  const undecided: string[] = [];
  let steps = 0;
  for (const [key, own] of keys) {
    const staleness = checkStaleReads(own);
    if (staleness !== undefined) {
      return { kind: "violation", counts, key, explanation: `key ${key}: ${staleness}` };
    }
    const prepared = prepareKeyHistory(key, own);
    const result = searchKeyHistory(prepared, limits.stepsMaxPerKey);
    steps += result.steps;
    if (result.kind === "impossible") {
      // Shorter histories take fewer steps; one that takes many more is not worth the wait.
      const stepsMax = Math.min(limits.stepsMaxPerKey, 2 * result.steps + 1_000);
      const explanation = explainImpossible(key, own, result.furthest, stepsMax);
      return { kind: "violation", counts, key, explanation };
    }
    if (result.kind === "undecided") {
      const { ordered } = result.furthest;
      undecided.push(
        `key ${key}: gave up after ${result.steps - 1} configurations with ${ordered} of ` +
          `${prepared.answered.length} answers in order; raise stepsMaxPerKey or use more keys`,
      );
    }
  }
  if (undecided.length > 0) return { kind: "undecided", counts, explanation: undecided.join("\n") };
  const tooFew = findShortage(counts, limits);
  if (tooFew !== undefined) return { kind: "tooFew", counts, explanation: tooFew };
  return { kind: "ok", counts, steps };
}

function findShortage(
  counts: HistoryCounts,
  limits: Required<LinearizabilityOptions>,
): string | undefined {
  const demands = [
    ["answered operations", counts.answered, limits.answeredMin],
    ["acknowledged writes", counts.writes, limits.writesMin],
    ["answered reads", counts.reads, limits.readsMin],
  ] as const;
  const short = demands.filter(([, have, need]) => have < need);
  if (short.length === 0) return undefined;
  return short.map(([what, have, need]) => `${have} ${what}, at least ${need} needed`).join("; ");
}

function groupByKey(operations: readonly HistoryOperation[]): Map<string, HistoryOperation[]> {
  const keys = new Map<string, HistoryOperation[]>();
  for (const operation of operations) {
    const own = keys.get(operation.key);
    if (own === undefined) keys.set(operation.key, [operation]);
    else own.push(operation);
  }
  return keys;
}

function countOperations(operations: readonly HistoryOperation[], keys: number): HistoryCounts {
  const count = (test: (operation: HistoryOperation) => boolean) =>
    operations.reduce((sum, operation) => sum + (test(operation) ? 1 : 0), 0);
  return {
    operations: operations.length,
    keys,
    answered: count(({ status }) => status === "ok"),
    writes: count(isAcknowledgedWrite),
    reads: count(({ op, status, stale }) => op === "get" && status === "ok" && stale !== true),
    unknown: count(({ status }) => status === "unknown"),
    failed: count(({ status }) => status === "fail"),
  };
}
