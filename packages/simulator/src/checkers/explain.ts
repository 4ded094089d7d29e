import type { HistoryOperation, Instant } from "./history.js";
import { compareInstants, describeOperation } from "./history.js";
import { prepareKeyHistory } from "./key-history.js";
import type { Furthest } from "./key-search.js";
import { searchKeyHistory } from "./key-search.js";

/** Operations shown before the first answer that cannot be explained. */
const shownMax = 16;

/**
 * Says in a few lines why one key's answers are impossible: cuts the history at the earliest
 * answer that makes it so, and shows that answer with what went on around it.
 */
export function explainImpossible(
  key: string,
  operations: readonly HistoryOperation[],
  found: Furthest,
  stepsMax: number,
): string {
  const { cut, furthest } = shortestImpossible(key, operations, found, stepsMax);
  const last = operations.find((operation) => operation.return === cut && isJudged(operation))!;
  const before = operations
    .filter((operation) => operation !== last && operation.status !== "fail" && !operation.stale)
    .filter((operation) => compareInstants(operation.call, cut) <= 0)
    .sort((a, b) => compareInstants(endOf(a), endOf(b)));
  const related = before.filter((operation) => writes(operation, last.value));
  const shown = before.filter(
    (operation, index) => before.length - index <= shownMax || related.includes(operation),
  );
  return [
    `key ${key}: no order of its operations explains all answers`,
    "the first answer that cannot be explained:",
    `  ${describeOperation(last)}`,
    `value of the key there, in the order that explains most: ${furthest.state}`,
    ...(furthest.stuck.length === 0 ? [] : ["answers that then had to come next:"]),
    ...furthest.stuck.slice(0, shownMax).map(({ source }) => `  ${describeOperation(source)}`),
    `operations before it (${before.length - shown.length} older ones left out):`,
    ...shown.slice(-2 * shownMax).map((operation) => `  ${describeOperation(operation)}`),
  ].join("\n");
}

/**
 * Finds by halving the earliest answer up to which the history is impossible already. Every
 * prefix of a possible history is possible, so that there is exactly one such point.
 */
function shortestImpossible(
  key: string,
  operations: readonly HistoryOperation[],
  found: Furthest,
  stepsMax: number,
): { readonly cut: Instant; readonly furthest: Furthest } {
  const returns = operations.filter(isJudged).map((operation) => operation.return!);
  returns.sort(compareInstants);
  let furthest = found;
  let low = 0;
  let high = returns.length - 1;
  while (low < high) {
    const middle = (low + high) >> 1;
    const prefix = prepareKeyHistory(key, cutAt(operations, returns[middle]!));
    const result = searchKeyHistory(prefix, stepsMax);
    if (result.kind === "impossible") {
      high = middle;
      furthest = result.furthest;
    } else low = middle + 1;
  }
  return { cut: returns[high]!, furthest };
}

/** What had been seen at `end`: later answers are not known yet, later calls not made. */
function cutAt(operations: readonly HistoryOperation[], end: Instant): HistoryOperation[] {
  return operations
    .filter((operation) => compareInstants(operation.call, end) <= 0)
    .map((operation) =>
      operation.status === "ok" && compareInstants(operation.return!, end) > 0
        ? { ...operation, status: "unknown", return: undefined, done: undefined, rev: undefined }
        : operation,
    );
}

function isJudged(operation: HistoryOperation): boolean {
  return operation.status === "ok" && !operation.stale;
}

function writes(operation: HistoryOperation, value: string | undefined): boolean {
  if (value === undefined) return operation.op === "delete";
  return operation.op !== "get" && operation.value === value;
}

function endOf(operation: HistoryOperation): Instant {
  return operation.return ?? operation.call;
}
