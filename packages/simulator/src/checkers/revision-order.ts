import type { HistoryOperation } from "./history.js";
import { compareInstants, describeOperation, isAcknowledgedWrite, precedes } from "./history.js";

/**
 * Checks that revisions are unique and follow real time: a write that was answered before another
 * was called has the smaller one. Returns an explanation of the first breach, over all keys.
 */
export function checkRevisionOrder(operations: readonly HistoryOperation[]): string | undefined {
  const writes = operations.filter(
    (operation) => operation.rev !== undefined && isAcknowledgedWrite(operation),
  );
  return findDuplicate(writes) ?? findReversal(writes);
}

function findDuplicate(writes: readonly HistoryOperation[]): string | undefined {
  const owners = new Map<number, HistoryOperation>();
  for (const write of writes) {
    const owner = owners.get(write.rev!);
    if (owner !== undefined) {
      return explain(`two writes were answered with revision ${write.rev}`, owner, write);
    }
    owners.set(write.rev!, write);
  }
  return undefined;
}

function findReversal(writes: readonly HistoryOperation[]): string | undefined {
  const byCall = [...writes].sort((a, b) => compareInstants(a.call, b.call));
  const byReturn = [...writes].sort((a, b) => compareInstants(a.return!, b.return!));
  let answered = 0;
  let highest: HistoryOperation | undefined;
  for (const write of byCall) {
    for (; answered < byReturn.length && precedes(byReturn[answered]!, write); answered += 1) {
      const before = byReturn[answered]!;
      if (highest === undefined || before.rev! > highest.rev!) highest = before;
    }
    if (highest !== undefined && highest.rev! > write.rev!) {
      return explain("a later write was given a smaller revision", highest, write);
    }
  }
  return undefined;
}

function explain(what: string, a: HistoryOperation, b: HistoryOperation): string {
  return `${what}:\n  ${describeOperation(a)}\n  ${describeOperation(b)}`;
}
