import { decodeWriteCommand } from "@d-engine/codec";
import type { JournalEntry } from "../checkers/equal-stores.js";
import type { SeenLife } from "./observations.js";

/** Clocks of simulated nodes may be faster than true time by this, all of them at once (see faults). */
const rateMax = 1.05;

/**
 * T1: a key ends by itself no earlier than its time after it was asked for, and not while whoever
 * keeps its lease may believe in that. T5: what has ended stays ended, as a lease is granted once.
 */
export function lifeFault(
  life: SeenLife,
  ends: ReadonlyMap<string, JournalEntry>,
): string | undefined {
  const { attempt, ttlMs, callMs, heldMs, isRevoked } = life;
  const end = ends.get(attempt);
  if (end === undefined || isRevoked) return undefined;
  const soonestMs = callMs + ttlMs / rateMax;
  if (end.atMs < soonestMs) {
    return `T1: ${attempt}, asked for at ${callMs} for ${ttlMs} ms, was ended at ${end.atMs}`;
  }
  if (end.atMs < heldMs) {
    return `R18: ${attempt} was ended at ${end.atMs}, and its lease was held at ${heldMs}`;
  }
  return undefined;
}

/** The entries by which time ended a key, by the value that the key had. */
export function endsOf(journal: readonly JournalEntry[]): Map<string, JournalEntry> {
  const ends = new Map<string, JournalEntry>();
  for (const entry of journal) {
    if (decodeWriteCommand(entry.bytes).kind !== "expire") continue;
    for (const { record, previous } of entry.events) {
      if (record === undefined && previous !== undefined) ends.set(previous.value, entry);
    }
  }
  return ends;
}
