import type { KeyRange } from "@d-engine/client";
import type { JournalEntry } from "../checkers/equal-stores.js";
import { toName } from "../workload/call.js";
import type { SeenRange, SeenTxn } from "./observations.js";
import type { Past } from "./past.js";
import { PROGRAM_PREFIX } from "./program.js";

/**
 * A transaction that was answered was applied once, between its call and its answer, with this
 * outcome; one that was refused never was (C2, C3).
 */
export function txnFault(
  { attempt, ended }: SeenTxn,
  entry: JournalEntry | undefined,
): string | undefined {
  const { status, callMs, endMs } = ended;
  if (status === "fail" && entry !== undefined) {
    return `C3: transaction ${attempt} was refused with ${ended.code}, and is entry ${entry.index}`;
  }
  if (status !== "ok") return undefined;
  if (entry === undefined) return `C2: transaction ${attempt} was answered, and never applied`;
  const { succeeded, revision } = ended.value;
  const { outcome, atMs } = entry;
  if (succeeded !== outcome.succeeded || revision !== outcome.revision) {
    const said = `${succeeded} at ${revision}`;
    return `C1: transaction ${attempt} was answered ${said}, not ${outcome.succeeded} at ${outcome.revision}`;
  }
  if (atMs >= callMs && atMs <= endMs) return undefined;
  return `C1: transaction ${attempt}, ${callMs} to ${endMs}, was applied at ${atMs}`;
}

/** A range is that of one revision: the one asked for, or one that is no older than what was known. */
export function rangeFault(
  { revision, consistency, ended }: SeenRange,
  past: Past,
  oldestRevision: number,
): string | undefined {
  if (ended.status !== "ok") {
    if (ended.code !== "COMPACTED") return undefined;
    const claimed = ended.oldestRevision ?? 0;
    if (revision !== undefined && revision < oldestRevision && claimed <= oldestRevision) return;
    return `W9: a range of ${revision} was refused as compacted, and ${oldestRevision} is the oldest`;
  }
  const range = ended.value;
  const asked = revision ?? range.revision;
  const isPresent = consistency === "linearizable" && revision === undefined;
  if (isPresent && range.revision < ended.knownRevision) {
    return `C1: a linearizable range is of ${range.revision}, and ${ended.knownRevision} was known`;
  }
  return contentsFault(range, asked, past);
}

function contentsFault(range: KeyRange, revision: number, past: Past): string | undefined {
  const records = past.at(revision, PROGRAM_PREFIX);
  const found = range.entries.map(({ key, value, modRevision, version }) => {
    return [toName(key), toName(value), modRevision, version];
  });
  const expected = [...records]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([key, { value, modRevision, version }]) => [key, value, modRevision, version]);
  const [is, should] = [JSON.stringify(found), JSON.stringify(expected)];
  if (is === should && range.count === expected.length) return undefined;
  return `C1: a range of revision ${revision} has ${is}, not ${should}`;
}
