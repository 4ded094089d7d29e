import type { HistoryOperation } from "./history.js";
import { compareInstants, describeOperation, precedes } from "./history.js";

/**
 * Checks eventual reads of one key: each answers a state that the key may have had, and those of
 * one client at one node never go back. Only certain breaches are reported: where several writes
 * carry the same value, the read is taken for the one that excuses it.
 */
export function checkStaleReads(operations: readonly HistoryOperation[]): string | undefined {
  const writers = new Map<string, HistoryOperation[]>();
  const deletes: HistoryOperation[] = [];
  const sessions = new Map<string, HistoryOperation[]>();
  for (const operation of operations) {
    if (operation.op === "get") {
      if (!operation.stale || operation.status !== "ok") continue;
      append(sessions, sessionOf(operation), operation);
    } else if (operation.status !== "fail" && operation.done !== false) {
      if (operation.op === "delete") deletes.push(operation);
      else append(writers, operation.value!, operation);
    }
  }
  for (const reads of sessions.values()) {
    reads.sort((a, b) => compareInstants(a.call, b.call));
    const breach = checkSession(reads, writers, deletes);
    if (breach !== undefined) return breach;
  }
  return undefined;
}

function checkSession(
  reads: readonly HistoryOperation[],
  writers: ReadonlyMap<string, readonly HistoryOperation[]>,
  deletes: readonly HistoryOperation[],
): string | undefined {
  /** The last read in order whose value has one writer only. */
  let certain: { readonly read: HistoryOperation; readonly write: HistoryOperation } | undefined;
  // Until a value was found, no value may be the state that nobody made (seed 505574).
  let isBeginning = true;
  for (const read of reads) {
    const sources = (read.value === undefined ? deletes : (writers.get(read.value) ?? [])).filter(
      (write) => !precedes(read, write),
    );
    if (read.value !== undefined && sources.length === 0) {
      return `an eventual read found a value that nobody had written:\n  ${describeOperation(read)}`;
    }
    if (certain !== undefined && precedes(certain.read, read)) {
      const seen = certain.write;
      if (sources.every((write) => write !== seen && comesBefore(write, seen))) {
        return [
          "an eventual read went back in time:",
          `  ${describeOperation(seen)}`,
          `  ${describeOperation(certain.read)}`,
          `  ${describeOperation(read)}`,
          ...sources.slice(0, 1).map((write) => `  ${describeOperation(write)}`),
        ].join("\n");
      }
    }
    if (read.value !== undefined) isBeginning = false;
    if (sources.length === 1 && !isBeginning) certain = { read, write: sources[0]! };
  }
  return undefined;
}

/** Whether `a` certainly took effect before `b`. */
function comesBefore(a: HistoryOperation, b: HistoryOperation): boolean {
  if (precedes(a, b)) return true;
  return a.rev !== undefined && b.rev !== undefined && a.rev < b.rev;
}

function sessionOf(read: HistoryOperation): string {
  return `${read.client} ${read.node ?? ""}`;
}

function append<K, V>(map: Map<K, V[]>, key: K, value: V): void {
  const list = map.get(key);
  if (list === undefined) map.set(key, [value]);
  else list.push(value);
}
