import {
  type Entry,
  entryBytes,
  type HardState,
  LOG_ORIGIN,
  type LogId,
  type LogIndex,
  type LogWrite,
  type Term,
} from "@d-engine/core";
import { isInLog, refuseGap, withTerm } from "../log/lay-snapshot.js";

/** A log as an array: the obvious twin of the one on disk. */
export interface MemoryLogContent {
  hardState: HardState | undefined;
  base: LogId;
  entries: Entry[];
  commitIndex: LogIndex;
}

export function newMemoryLogContent(): MemoryLogContent {
  return { hardState: undefined, base: LOG_ORIGIN, entries: [], commitIndex: 0 as LogIndex };
}

/** The position of the last entry; the base when there is none. */
export function lastOf(content: MemoryLogContent): LogId {
  const entry = content.entries.at(-1);
  return entry === undefined ? content.base : { index: entry.index, term: entry.term };
}

/** Does what a persisted write does. */
export function applyWrite(content: MemoryLogContent, write: LogWrite): void {
  content.hardState = write.hardState ?? content.hardState;
  if (write.commitIndex > content.commitIndex) content.commitIndex = write.commitIndex;
  if (write.reset !== undefined) {
    content.base = write.reset;
    content.entries.length = 0;
  }
  const first = write.entries[0];
  if (first === undefined) return;
  content.entries.length = first.index - content.base.index - 1;
  for (const entry of write.entries) content.entries.push(entry);
}

/** Lays a snapshot over the log, as `laySnapshot` does on disk (rule R9). */
export function layOver(content: MemoryLogContent, covered: LogId | undefined): void {
  refuseGap("memory", content.base, covered);
  if (covered === undefined) return;
  if (covered.index > content.commitIndex) content.commitIndex = covered.index;
  const { base, entries } = content;
  const terms = { termAt: (index: LogIndex) => termAt(content, index) };
  if (isInLog({ base, last: lastOf(content), terms }, covered)) return;
  content.base = covered;
  entries.length = 0;
  content.hardState = withTerm(content.hardState, covered.term);
}

function termAt({ base, entries }: MemoryLogContent, index: LogIndex): Term {
  return entries[index - base.index - 1]?.term ?? base.term;
}

/** The base after a purge up to `upTo` that keeps the newest `tailBytes` of entries. */
export function purgePointOf(
  content: MemoryLogContent,
  upTo: LogIndex,
  tailBytes: number,
): LogId | undefined {
  let kept = 0;
  let count = content.entries.length;
  while (count > 0 && kept < tailBytes) kept += entryBytes(content.entries[--count]!);
  const last = content.entries[Math.min(count, upTo - content.base.index) - 1];
  return last === undefined ? undefined : { index: last.index, term: last.term };
}

/** Gives up the entries at or below `upTo` that are there. */
export function purgeContent(content: MemoryLogContent, upTo: LogIndex): void {
  const count = Math.min(upTo - content.base.index, content.entries.length);
  if (count <= 0) return;
  const last = content.entries[count - 1]!;
  content.entries.splice(0, count);
  content.base = { index: last.index, term: last.term };
}

/** The first position of each term. */
export function termRunsOf(content: MemoryLogContent): readonly LogId[] {
  const runs: LogId[] = [];
  for (const { index, term } of content.entries) {
    if (runs.at(-1)?.term !== term) runs.push({ index, term });
  }
  return runs;
}
