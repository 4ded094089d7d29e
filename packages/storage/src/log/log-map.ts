import { invariant, type LogId, type LogIndex, type Term } from "@d-engine/core";
import type { BatchRun } from "../format/batch-builder.js";
import type { RunPlace } from "./run-table.js";
import type { Segment } from "./segment.js";

/** A part of a run that a read wants: entries `[from, to)` of the run at `place`. */
export interface RunSlice {
  readonly segment: Segment;
  readonly place: RunPlace;
  readonly from: LogIndex;
  readonly to: LogIndex;
}

/**
 * Which durable entry stands where: the retained segments in order, and in each the runs that are
 * still part of the log. Invariant: the runs are contiguous from `base` to `last`.
 */
export class LogMap {
  readonly segments: Segment[] = [];
  #base: LogId;
  #last: LogId;

  constructor(base: LogId) {
    this.#base = base;
    this.#last = base;
  }

  get base(): LogId {
    return this.#base;
  }

  get last(): LogId {
    return this.#last;
  }

  /** The segment that is being filled. */
  get current(): Segment {
    const segment = this.segments.at(-1);
    invariant(segment !== undefined, "a log without a segment");
    return segment;
  }

  /**
   * Adds a run to the current segment. It replaces everything from its first index on, also at or
   * below the base: what a recycled segment held of it must not come back (scenario 48).
   */
  addRun(run: BatchRun, batch: { readonly offset: number; readonly bytes: number }): void {
    invariant(run.first <= this.#last.index + 1, `run at ${run.first} after ${this.#last.index}`);
    this.#truncateFrom(run.first);
    if (run.first <= this.#base.index) {
      this.#base = { index: (run.first - 1) as LogIndex, term: run.previousTerm };
    }
    this.current.runs.push({
      first: run.first,
      batchOffset: batch.offset,
      batchBytes: batch.bytes,
      runOffset: run.offset,
    });
    this.#last = { index: (run.first + run.count - 1) as LogIndex, term: run.term };
  }

  /**
   * The pieces that hold `[from, to)`, which must be retained, up to the first that makes at
   * least `bytesMax` bytes of batches beyond the first piece.
   */
  slices(from: LogIndex, to: LogIndex, bytesMax: number): readonly RunSlice[] {
    const slices: RunSlice[] = [];
    let bytes = 0;
    let cursor = this.#locate(from);
    for (let index = from; index < to && cursor !== undefined; ) {
      const next = this.#nextRun(cursor);
      const end = next === undefined ? this.#last.index + 1 : this.#firstOf(next);
      const segment = this.segments[cursor.segment]!;
      const place = segment.runs.at(cursor.run);
      const slice = { segment, place, from: index, to: Math.min(end, to) as LogIndex };
      slices.push(slice);
      if (slices.length > 1) bytes += place.batchBytes;
      if (bytes >= bytesMax) break;
      index = slice.to;
      cursor = next;
    }
    return slices;
  }

  /**
   * The base that purging up to `upTo` would leave, if it may take only segments that have at
   * least `tailBytes` of later ones behind them. `undefined` when it could take none.
   */
  purgePoint(
    upTo: LogIndex,
    tailBytes: number,
    termAt: (index: LogIndex) => Term,
  ): LogId | undefined {
    let behind = this.segments.reduce((sum, segment) => sum + segment.bytes, 0);
    let count = 0;
    while (count + 1 < this.segments.length && this.#firstAfter(count) <= upTo + 1) {
      behind -= this.segments[count]!.bytes;
      if (behind < tailBytes) break;
      count++;
    }
    if (count === 0) return undefined;
    const index = (this.#firstAfter(count - 1) - 1) as LogIndex;
    return index > this.#base.index ? { index, term: termAt(index) } : undefined;
  }

  /**
   * Takes out the oldest segments that hold nothing above `upTo`, the current one excepted, and
   * moves the base behind them. `termAt` gives the term of a retained position.
   */
  purge(upTo: LogIndex, termAt: (index: LogIndex) => Term): readonly Segment[] {
    let count = 0;
    while (count + 1 < this.segments.length && this.#firstAfter(count) <= upTo + 1) count++;
    if (count === 0) return [];
    const first = this.#firstAfter(count - 1);
    const base = (first - 1) as LogIndex;
    const term = termAt(base);
    const removed = this.segments.splice(0, count);
    this.#base = { index: base, term };
    return removed;
  }

  /** First index of the log that stands behind segment `i`; one past the end if there is none. */
  #firstAfter(i: number): number {
    for (let next = i + 1; next < this.segments.length; next++) {
      const runs = this.segments[next]!.runs;
      if (runs.length > 0) return runs.firstAt(0);
    }
    return this.#last.index + 1;
  }

  #truncateFrom(index: LogIndex): void {
    for (let i = this.segments.length - 1; i >= 0; i--) {
      const runs = this.segments[i]!.runs;
      runs.truncateFrom(index);
      if (runs.length > 0) return;
    }
  }

  #locate(index: LogIndex): Cursor | undefined {
    for (let segment = this.segments.length - 1; segment >= 0; segment--) {
      const run = this.segments[segment]!.runs.find(index);
      if (run >= 0) return { segment, run };
    }
    return undefined;
  }

  #nextRun(cursor: Cursor): Cursor | undefined {
    if (cursor.run + 1 < this.segments[cursor.segment]!.runs.length) {
      return { segment: cursor.segment, run: cursor.run + 1 };
    }
    for (let segment = cursor.segment + 1; segment < this.segments.length; segment++) {
      if (this.segments[segment]!.runs.length > 0) return { segment, run: 0 };
    }
    return undefined;
  }

  #firstOf(cursor: Cursor): LogIndex {
    return this.segments[cursor.segment]!.runs.firstAt(cursor.run);
  }
}

/** A run: number `run` of segment number `segment`. */
interface Cursor {
  readonly segment: number;
  readonly run: number;
}
