import type { KvRecord } from "../record.js";

/**
 * What one revision did to one key. Immutable, as records are (rule R16).
 *
 * Invariant: a revision has one event for a key at most, and events are in the order of their
 * revisions; those of one revision are in the order in which its command made them.
 */
export interface KvEvent {
  readonly revision: number;
  /** A one-byte string. */
  readonly key: string;
  /** What the key held afterwards; `undefined`: it was deleted. */
  readonly record: KvRecord | undefined;
  /** What it held before; `undefined`: nothing. */
  readonly previous: KvRecord | undefined;
  /**
   * Of a put that made the key: the revision that deleted it before, as far as the history knows;
   * otherwise 0. Reads of the past go on there. A number and no reference, which would keep what
   * was compacted in memory, life by life.
   */
  readonly deletedRevision: number;
}

/** Called with events in their order; `false` ends the visit. */
export type EventVisitor = (event: KvEvent) => boolean;

/**
 * Bytes that the history keeps in memory for an event, by the lengths of its key and of the value
 * before, which is nowhere else.
 */
export function eventBytes(keyBytes: number, previousBytes: number): number {
  return eventAllowance + keyBytes + previousBytes;
}

/** Counts for what is kept even of the event of an empty value. */
const eventAllowance = 128;
