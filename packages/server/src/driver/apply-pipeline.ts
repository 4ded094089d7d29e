import {
  type Clock,
  type Entry,
  invariant,
  type LogIndex,
  type StateMachine,
} from "@d-engine/core";
import type { AppliedConfiguration } from "./applied-configuration.js";
import { Fifo } from "./fifo.js";

export interface ApplyPipelineSetup<Result> {
  readonly stateMachine: StateMachine<Result>;
  /** Follows the entries as they are applied. */
  readonly configuration: AppliedConfiguration;
  readonly clock: Clock;
  /** Longest time that applying keeps the event loop at a stretch. */
  readonly sliceMs: number;
  /** After each entry; `result` is `undefined` for an entry without a command. */
  readonly onEntry: (entry: Entry, result: Result | undefined) => void;
  /** At the end of each slice: the state machine holds everything up to here. */
  readonly onSlice: (upTo: LogIndex) => void;
  /** The state machine threw, which it must not: the node cannot go on. */
  readonly onError: (error: unknown) => void;
}

/**
 * Feeds committed entries to the state machine, in log order. Normally at once; a long run is cut
 * into slices, between which the event loop turns and heartbeats go out.
 *
 * What waits here is held by the core's cache as well, which bounds it.
 */
export class ApplyPipeline<Result> {
  readonly #setup: ApplyPipelineSetup<Result>;
  readonly #runs = new Fifo<readonly Entry[]>();
  /** Offset of the next entry in the oldest run. */
  #offset = 0;
  #sliceScheduled = false;
  #stopped = false;
  #slices = 0;

  constructor(setup: ApplyPipelineSetup<Result>) {
    this.#setup = setup;
  }

  get lastApplied(): LogIndex {
    return this.#setup.stateMachine.lastApplied;
  }

  /** How often a run was cut to let the event loop turn. */
  get slices(): number {
    return this.#slices;
  }

  push(entries: readonly Entry[]): void {
    if (this.#stopped) return;
    this.#runs.push(entries);
    if (!this.#sliceScheduled) this.#runSlice();
  }

  /** Forgets what waits: the state was replaced by one that holds it already. */
  drop(): void {
    while (this.#runs.shift() !== undefined);
    this.#offset = 0;
  }

  /** After this nothing is applied any more. */
  stop(): void {
    this.#stopped = true;
  }

  #runSlice(): void {
    const { clock, sliceMs, onSlice, onError } = this.#setup;
    const endMs = clock.nowMs() + sliceMs;
    try {
      let done = false;
      let stretch = stretchEntriesMin;
      // At least one stretch a slice, so that a clock at its bound cannot stop all progress.
      do {
        done = this.#applyStretch(stretch);
        stretch = Math.min(stretch * 2, stretchEntriesMax);
      } while (!done && !this.#stopped && clock.nowMs() < endMs);
    } catch (error) {
      this.#stopped = true;
      onError(error);
      return;
    }
    if (this.#runs.length > 0 && !this.#stopped) this.#scheduleSlice();
    onSlice(this.lastApplied);
  }

  /** Applies up to so many entries; true when nothing is left. */
  #applyStretch(entries: number): boolean {
    for (let left = entries; left > 0; ) {
      const run = this.#runs.peek();
      if (run === undefined) return true;
      const end = Math.min(run.length, this.#offset + left);
      left -= end - this.#offset;
      while (this.#offset < end) {
        const entry = run[this.#offset] as Entry;
        this.#offset += 1;
        this.#apply(entry);
      }
      if (this.#offset === run.length) {
        this.#runs.shift();
        this.#offset = 0;
      }
    }
    return this.#runs.length === 0;
  }

  #apply(entry: Entry): void {
    const { stateMachine, configuration, onEntry } = this.#setup;
    onEntry(entry, applyEntry(stateMachine, configuration, entry));
  }

  #scheduleSlice(): void {
    this.#sliceScheduled = true;
    this.#slices += 1;
    this.#setup.clock.defer(() => {
      this.#sliceScheduled = false;
      if (!this.#stopped) this.#runSlice();
    });
  }
}

/** Applies one entry, or moves past it when it carries no command. Entries come without gaps. */
export function applyEntry<Result>(
  stateMachine: StateMachine<Result>,
  configuration: AppliedConfiguration,
  entry: Entry,
): Result | undefined {
  const { index, payload } = entry;
  invariant(
    index === stateMachine.lastApplied + 1,
    () => `entry ${index} after ${stateMachine.lastApplied} in the state machine`,
  );
  if (payload.kind === "command") return stateMachine.apply(index, payload.command);
  const changed = configuration.follow(entry);
  stateMachine.skip(index);
  if (changed) stateMachine.configured?.(configuration.current);
  return undefined;
}

/**
 * Entries between two looks at the clock: well under a millisecond of plain writes at the most. A
 * slice begins with few, since one entry may expire a thousand keys.
 */
const stretchEntriesMin = 2;
const stretchEntriesMax = 64;
