import { invariant, type LogId, type LogIndex } from "@d-engine/core";
import type { BatchRun, LogChange } from "../format/batch-builder.js";
import type { RunPlace } from "./run-table.js";
import type { Segment } from "./segment.js";
import { TermRuns } from "./term-runs.js";

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
  /** Terms of the durable log; others may be on their way to it. */
  readonly terms: TermRuns;
  #base: LogId;
  #last: LogId;

  constructor(base: LogId) {
    this.terms = new TermRuns(base);
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

  /** Takes in what a batch of the current segment does to the log. */
  apply(change: LogChange, batch: BatchPlace): void {
    if (change.kind === "run") this.#addRun(change.run, batch);
    else this.#reset(change.base);
  }

  /**
   * Adds a run to the current segment. It replaces everything from its first index on, also at or
   * below the base: what a recycled segment held of it must not come back (scenario 48).
   */
  #addRun(run: BatchRun, batch: BatchPlace): void {
    invariant(run.first <= this.#last.index + 1, `run at ${run.first} after ${this.#last.index}`);
    this.#truncateFrom(run.first);
    if (run.first <= this.#base.index) {
      this.#base = { index: (run.first - 1) as LogIndex, term: run.previousTerm };
      this.terms.restart(this.#base);
    }
    this.terms.replaceFrom(run.first, run.term);
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
   * least `tailBytes` of later ones behind them. A segment that holds nothing of the log any more,
   * since it was reset, is no part of that tail. `undefined` when it could take none.
   */
  purgePoint(upTo: LogIndex, tailBytes: number): LogId | undefined {
    let behind = this.segments.reduce((sum, segment) => sum + segment.end, 0);
    let count = 0;
    while (this.#isCovered(count, upTo)) {
      behind -= this.segments[count]!.end;
      const isVoid = this.#firstAfter(count) <= this.#base.index + 1;
      if (!isVoid && behind < tailBytes) break;
      count++;
    }
    return count === 0 ? undefined : this.#baseBehind(count);
  }

  /**
   * Takes out the oldest segments that hold nothing above `upTo`, the current one excepted, and
   * moves the base behind them. What the current one begins with stands for what is given up:
   * nonce, hard state and position (rule R9).
   */
  purge(upTo: LogIndex): readonly Segment[] {
    let count = 0;
    while (this.#isCovered(count, upTo)) count++;
    if (count === 0) return [];
    this.#base = this.#baseBehind(count);
    this.terms.dropUpTo(this.#base);
    return this.segments.splice(0, count);
  }

  /** Whether segment `i` is not the current one and holds nothing above `upTo`. */
  #isCovered(i: number, upTo: LogIndex): boolean {
    return i + 1 < this.segments.length && this.#firstAfter(i) <= upTo + 1;
  }

  /** The base of the log without its oldest `count` segments. */
  #baseBehind(count: number): LogId {
    const index = (this.#firstAfter(count - 1) - 1) as LogIndex;
    return { index, term: this.terms.termAt(index) };
  }

  #reset(base: LogId): void {
    for (const segment of this.segments) segment.runs.truncateFrom(0 as LogIndex);
    this.terms.restart(base);
    this.#base = base;
    this.#last = base;
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

/** Where a batch stands in the current segment. */
interface BatchPlace {
  readonly offset: number;
  readonly bytes: number;
}

/** A run: number `run` of segment number `segment`. */
interface Cursor {
  readonly segment: number;
  readonly run: number;
}
