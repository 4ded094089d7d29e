import type { HistoryOperation } from "../checkers/history.js";
import { isAcknowledgedWrite, precedes } from "../checkers/history.js";

/**
 * The slow obvious twin of the search, for one key and up to about eight operations: tries every
 * order of the answered operations and of every choice of the unanswered ones.
 */
export function isLinearizableByBruteForce(operations: readonly HistoryOperation[]): boolean {
  const relevant = operations.filter(({ status, stale }) => status !== "fail" && !stale);
  return extend(relevant, undefined, 0);
}

function extend(
  left: readonly HistoryOperation[],
  value: string | undefined,
  revision: number,
): boolean {
  if (left.every(({ status }) => status === "unknown")) return true;
  return left.some((next) => {
    if (left.some((other) => other.status === "ok" && precedes(other, next))) return false;
    const revises = isAcknowledgedWrite(next) && next.rev !== undefined;
    if (revises && next.rev! <= revision) return false;
    const after = perform(next, value);
    if (after === "wrong") return false;
    const rest = left.filter((other) => other !== next);
    return extend(rest, after.value, revises ? next.rev! : revision);
  });
}

function perform(
  operation: HistoryOperation,
  value: string | undefined,
): { readonly value: string | undefined } | "wrong" {
  const answered = operation.status === "ok";
  switch (operation.op) {
    case "put":
      return { value: operation.value };
    case "get":
      return answered && operation.value !== value ? "wrong" : { value };
    case "delete": {
      const existed = value !== undefined;
      const wrong = answered && operation.done !== undefined && operation.done !== existed;
      return wrong ? "wrong" : { value: undefined };
    }
    case "cas": {
      const matches = operation.expect === value;
      if (answered && operation.done !== matches) return "wrong";
      return { value: matches ? operation.value : value };
    }
  }
}
