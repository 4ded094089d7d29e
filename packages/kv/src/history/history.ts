import { BTree } from "../btree.js";
import { compareKeys } from "../ordered-index.js";
import type { KeyRange } from "../prefix-range.js";
import type { KvRecord } from "../record.js";
import type { EventChunk } from "./event-chunk.js";
import { EventLog, visitEvents } from "./event-log.js";
import type { EventVisitor, KvEvent } from "./kv-event.js";
import type { RevisionEvents } from "./revision-events.js";

/** How far back the store remembers. */
export interface HistoryBounds {
  /** The oldest revision that can be read; older ones are compacted. */
  readonly oldestRevision: number;
  /**
   * The oldest revision whose events are there. That is `oldestRevision`, but behind a snapshot
   * without history: its own state can be read, and what made it is not known.
   */
  readonly oldestEventRevision: number;
}

/** The events of a history as it is, or as it was when a view was taken. */
export interface HistoryEvents extends HistoryBounds {
  /** Visits the events of the revisions [`from`, `to`), which are not compacted. */
  visit(from: number, to: number, visit: EventVisitor): void;
}

/** What the history keeps in memory. */
export interface HistorySize {
  readonly events: number;
  readonly bytes: number;
}

/**
 * What the revisions of the store did, back to a boundary that only commands of the log move
 * (rule R16).
 *
 * Keys that are gone are found by the revision that deleted them, as long as one can be read in
 * which they were there. Compaction moves the boundary, and no more; memory is given back
 * by `sweep`, in bounded steps. How far that has come is no part of the state.
 */
export class History implements HistoryEvents {
  readonly #log = new EventLog();
  /** Keys that are gone, and the revisions that deleted them. */
  readonly #tombstones = new BTree<string, number>(undefined, compareKeys);
  #oldestRevision: number;
  #oldestEventRevision: number;
  /** How many events of the first chunk were swept. */
  #swept = 0;

  constructor(bounds: HistoryBounds = { oldestRevision: 0, oldestEventRevision: 1 }) {
    this.#oldestRevision = bounds.oldestRevision;
    this.#oldestEventRevision = bounds.oldestEventRevision;
  }

  get oldestRevision(): number {
    return this.#oldestRevision;
  }

  get oldestEventRevision(): number {
    return this.#oldestEventRevision;
  }

  /** Adds what a revision, the newest, does to a key. */
  add(
    revision: number,
    key: string,
    record: KvRecord | undefined,
    previous: KvRecord | undefined,
  ): void {
    const deletedRevision = previous === undefined ? this.#unbury(key) : 0;
    this.#log.add(revision, key, record, previous, deletedRevision);
    if (record === undefined) this.#tombstones.set(key, revision);
  }

  /** Makes `revision`, at most the present one, the oldest that can be read. */
  compact(revision: number): void {
    this.#oldestRevision = revision;
    this.#oldestEventRevision = Math.max(this.#oldestEventRevision, revision);
  }

  /** Gives back the memory of what is compacted, in at most about `steps` steps. */
  sweep(steps: number): void {
    for (let left = steps; left > 0; left--) {
      const chunk = this.#log.first;
      if (chunk === undefined || chunk.lastRevision >= this.#oldestEventRevision) return;
      if (chunk.deletes > 0 && this.#swept < chunk.length) {
        this.#dropTombstone(chunk, this.#swept++);
      } else {
        this.#log.dropFirst();
        this.#swept = 0;
      }
    }
  }

  get size(): HistorySize {
    return this.#log.sizeFrom(this.#oldestEventRevision);
  }

  /**
   * The revision to compact at so that no more is kept than `kept`, but for the newest revision,
   * which is always kept whole; `undefined` when that is so already.
   */
  boundaryFor(kept: HistorySize): number | undefined {
    const newest = this.#log.lastRevision;
    const cut = this.#log.excessAt(kept.events, kept.bytes);
    if (newest === undefined || cut === undefined) return undefined;
    const boundary = Math.min(cut + 1, newest);
    return boundary > this.#oldestRevision ? boundary : undefined;
  }

  /** The event of a key at a revision that `oldestEventRevision` does not exceed. */
  find(revision: number, key: string): KvEvent | undefined {
    return this.#log.find(revision, key);
  }

  visit(from: number, to: number, visit: EventVisitor): void {
    this.#log.visit(from, to, visit);
  }

  /** The events of the newest revision, until the next is made; there must be one. */
  latest(): RevisionEvents {
    return this.#log.latest();
  }

  /** The revision that deleted a key, which is not there. */
  tombstone(key: string): number | undefined {
    return this.#tombstones.get(key);
  }

  /** Visits, in byte order, keys that are not there, with the revisions that deleted them. */
  walkTombstones({ from, to }: KeyRange, visit: (key: string, revision: number) => void): void {
    this.#tombstones.forRange(from, to, false, visit);
  }

  /** The events as they are now, for ever: compaction takes nothing from them (rule R16). */
  view(): HistoryEvents {
    const chunks = this.#log.chunks();
    return {
      oldestRevision: this.#oldestRevision,
      oldestEventRevision: this.#oldestEventRevision,
      visit: (from, to, visit) => visitEvents(chunks, from, to, visit),
    };
  }

  /** A key is made again; the revision that deleted it, if that is known. */
  #unbury(key: string): number {
    if (this.#tombstones.size === 0) return 0;
    const revision = this.#tombstones.get(key);
    if (revision === undefined) return 0;
    this.#tombstones.delete(key);
    return revision;
  }

  /** Only if the key was not made and deleted again since. */
  #dropTombstone(chunk: EventChunk, at: number): void {
    if (!chunk.isDelete(at)) return;
    const key = chunk.key(at);
    if (this.#tombstones.get(key) === chunk.revision(at)) this.#tombstones.delete(key);
  }
}
