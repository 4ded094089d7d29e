import type { Clock, Entry } from "@d-engine/core";

/** Where stamps are found: in commands, and in the state that came of them. */
export interface StampSource {
  /** The stamp that a leader gave to this command of the log, if it did. */
  stampOf(command: Uint8Array): number | undefined;
  /** The highest stamp in the state; 0 before the first. */
  readonly lastStampMs: number;
}

/** What a cluster without a single stamp begins at. */
const originMs = 1;

/**
 * The time of the cluster (rule R15): the highest stamp in the log, plus the monotonic time since
 * it was received here. The leader writes stamps from it, and never below one that it has seen, so
 * deadlines survive a change of leader, restarts and pauses; a wall clock never counts, nor does
 * the time in which no node of the cluster runs.
 *
 * While this node leads it stamps by its own reading, which then only grows: to begin anew at each
 * of its own stamps would lose the time between stamping and writing, thousands of times a second.
 * A follower begins anew at every higher stamp. So its clock may be fast or slow for the time
 * between two stamps only, and not for as long as the cluster runs.
 * Invariant: the time is never below the highest stamp.
 */
export class ClusterTime {
  readonly clock: Clock;
  readonly #source: StampSource | undefined;
  #newestStampMs = 0;
  /** The time of the cluster at `#baseAtMs` of the clock. */
  #baseMs = originMs;
  #baseAtMs: number;

  /** Without a source no entry is looked at. */
  constructor(clock: Clock, source?: StampSource) {
    this.clock = clock;
    this.#source = source;
    this.#baseAtMs = clock.nowMs();
  }

  /** Whether there are stamps to be followed. */
  get follows(): boolean {
    return this.#source !== undefined;
  }

  /** Whole milliseconds, at least the highest stamp in the log. */
  nowMs(): number {
    return Math.floor(this.#baseMs + this.clock.nowMs() - this.#baseAtMs);
  }

  /** The highest stamp in log and state; 0 when there is none. */
  get newestStampMs(): number {
    return this.#newestStampMs;
  }

  /** The state was replayed or replaced; `behind` are the entries of the log that it lacks. */
  restored(behind: readonly Entry[] = []): void {
    if (this.#source === undefined) return;
    this.#see(Math.max(this.#source.lastStampMs, highestStamp(this.#source, behind)));
  }

  /** Entries are handed to the log; `own` when this node leads, and so has stamped them. */
  received(entries: readonly Entry[], own: boolean): void {
    if (this.#source === undefined) return;
    const stampMs = highestStamp(this.#source, entries);
    if (stampMs <= this.#newestStampMs) return;
    if (own && stampMs <= this.nowMs()) this.#newestStampMs = stampMs;
    else this.#see(stampMs);
  }

  #see(stampMs: number): void {
    if (stampMs <= this.#newestStampMs) return;
    this.#newestStampMs = stampMs;
    this.#baseMs = stampMs;
    this.#baseAtMs = this.clock.nowMs();
  }
}

/** 0 when none of the entries has one. */
function highestStamp(source: StampSource, entries: readonly Entry[]): number {
  let highestMs = 0;
  for (const { payload } of entries) {
    if (payload.kind !== "command") continue;
    const stampMs = source.stampOf(payload.command);
    if (stampMs !== undefined && stampMs > highestMs) highestMs = stampMs;
  }
  return highestMs;
}
