import type { Clock } from "@d-engine/core";
import type { HubWatch } from "./hub-watch.js";
import { SharedEvent } from "./shared-event.js";
import { WatchIndex } from "./watch-index.js";
import type { WatchSource } from "./watch-source.js";

export interface CatchUpSetup {
  readonly source: WatchSource;
  readonly clock: Clock;
  readonly sliceEvents: number;
  /** It has something to read. */
  readonly wake: (watch: HubWatch) => void;
  /** It has every event of the history; the hub takes it over. */
  readonly caughtUp: (watch: HubWatch) => void;
  /** What it needs next is gone. */
  readonly compacted: (watch: HubWatch) => void;
}

/**
 * Leads watches through the history to the present, a slice of it in a turn of the event loop. One
 * walk serves every watch that has come to where it begins, so that thousands that come back after
 * a broken connection cost about as much as the one that was away longest.
 *
 * The walk begins in turns at the watch that is furthest behind and at the one that is furthest
 * ahead: nobody who is nearly there waits for somebody else's long way.
 *
 * A watch whose reader has enough is parked; reading its history goes on when that was read.
 */
export class CatchUp {
  slices = 0;
  readonly #setup: CatchUpSetup;
  readonly #reading = new WatchIndex<HubWatch>();
  #shared: SharedEvent | undefined;
  #parking: HubWatch[] = [];
  #scheduled = false;
  #fromAhead = false;
  /** Where the walk of this slice began. */
  #start = 0;
  #cost = 0;

  constructor(setup: CatchUpSetup) {
    this.#setup = setup;
  }

  /** Watches that are on their way. */
  get size(): number {
    return this.#reading.size;
  }

  /** Takes on a watch that is `reading`. */
  add(watch: HubWatch): void {
    this.#reading.add(watch);
    this.#schedule();
  }

  delete(watch: HubWatch): void {
    this.#reading.delete(watch);
  }

  #schedule(): void {
    if (this.#scheduled || this.#reading.size === 0) return;
    this.#scheduled = true;
    this.#setup.clock.defer(() => {
      this.#scheduled = false;
      this.#slice();
      this.#schedule();
    });
  }

  #slice(): void {
    const { source } = this.#setup;
    // Before each slice: a compaction may have overtaken a watch since the last one (scenario 68).
    for (const watch of [...this.#reading]) {
      if (nextOf(watch) >= source.oldestEventRevision) continue;
      this.#reading.delete(watch);
      this.#setup.compacted(watch);
    }
    if (this.#reading.size === 0) return;
    this.#fromAhead = !this.#fromAhead;
    this.#start = this.#beginning();
    this.slices += 1;
    const reached = this.#walk();
    for (const watch of this.#parking) this.#reading.delete(watch);
    this.#parking = [];
    for (const watch of [...this.#reading]) this.#advance(watch, reached);
  }

  #beginning(): number {
    let chosen: number | undefined;
    for (const watch of this.#reading) {
      const next = nextOf(watch);
      if (chosen === undefined || (this.#fromAhead ? next > chosen : next < chosen)) chosen = next;
    }
    return chosen ?? 0;
  }

  /** Hands out a slice of events; returns the last revision of which all were. */
  #walk(): number {
    const { source, sliceEvents } = this.#setup;
    let reached: number | undefined;
    let revision = this.#start;
    this.#cost = 0;
    source.events(this.#start, undefined, (event) => {
      // A revision is never split, whatever its size (W4).
      if (event.revision !== revision && this.#cost >= sliceEvents) {
        reached = event.revision - 1;
        return false;
      }
      revision = event.revision;
      this.#cost += 1;
      this.#shared = new SharedEvent(event);
      this.#reading.visit(event.key, this.#offer);
      return true;
    });
    this.#shared = undefined;
    return reached ?? source.revision;
  }

  readonly #offer = (watch: HubWatch): void => {
    const { phase } = watch;
    const shared = this.#shared;
    if (shared === undefined || phase.kind !== "reading") return;
    const { revision } = shared.event;
    // Who is behind the walk has not been given what lies between.
    if (phase.next < this.#start || revision < phase.next) return;
    this.#cost += 1;
    if (watch.hasEnough && !watch.holds(revision)) {
      watch.phase = { kind: "parked", next: revision };
      this.#parking.push(watch);
      return;
    }
    watch.gather(shared, "enough");
    this.#setup.wake(watch);
  };

  #advance(watch: HubWatch, reached: number): void {
    const next = nextOf(watch);
    if (next < this.#start || next > reached + 1) return;
    watch.phase = { kind: "reading", next: reached + 1 };
    if (reached < this.#setup.source.revision) return;
    this.#reading.delete(watch);
    this.#setup.caughtUp(watch);
  }
}

function nextOf(watch: HubWatch): number {
  return watch.phase.kind === "ended" ? 0 : watch.phase.next;
}
