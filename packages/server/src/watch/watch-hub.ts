import { type Clock, EngineError, type Timer } from "@d-engine/core";
import type { RevisionEvents } from "@d-engine/kv";
import type { CancelSignal } from "../driver/cancel-signal.js";
import { CatchUp } from "./catch-up.js";
import { HubWatch, type WatchOwner } from "./hub-watch.js";
import { LeaderNeed } from "./leader-need.js";
import type { LocalWatch, WatchSpec } from "./local-watch.js";
import { SharedEvent } from "./shared-event.js";
import { WakeQueue } from "./wake-queue.js";
import type { BufferBounds } from "./watch-buffer.js";
import { WatchIndex } from "./watch-index.js";
import type { WatchOptions } from "./watch-options.js";
import type { WatchSource } from "./watch-source.js";
import { watchSpanOf } from "./watch-span.js";

export interface HubWatchOptions {
  /** Aborting ends the watch with its reason. */
  readonly signal?: CancelSignal | undefined;
  /** Throws what speaks against the watch; asked again whenever that may have changed. */
  readonly check?: () => void;
}

export interface WatchHubSetup {
  readonly source: WatchSource;
  readonly clock: Clock;
  readonly options: WatchOptions;
  /** Bytes of the longest key that the source can have. */
  readonly keyBytesMax: number;
}

/** A reading of the counters of a hub, and of how many watches there are at this moment. */
export interface WatchMetrics {
  readonly watches: number;
  /** Of these, how many have not come to the present yet. */
  readonly watchesBehind: number;
  readonly watchesOpened: number;
  /** Turned away at `watchesMax`. */
  readonly watchesRefused: number;
  /** Ended because their reader was slower than the writers. */
  readonly watchesOverflowed: number;
  /** Ended, or refused, because their history was compacted. */
  readonly watchesCompacted: number;
  /** Slices of the history that were read. */
  readonly watchSlices: number;
}

/**
 * All watches of one node, on every role. A change that is applied is put at once into the buffers of
 * the live watches that want it, and does no more: readers are told in later turns. A watch from a
 * past revision reads the history first, in slices, and becomes live when it has come to its end;
 * both in one turn, so that no event is left out or repeated in between.
 *
 * Invariant: outside of `onEvents`, a live watch has been given every event up to `revision`.
 */
export class WatchHub implements WatchOwner {
  readonly #setup: WatchHubSetup;
  readonly #watches = new Set<HubWatch>();
  readonly #live = new WatchIndex<HubWatch>();
  readonly #progressing = new Set<HubWatch>();
  readonly #needing = new Set<HubWatch>();
  readonly #leaderNeed = new LeaderNeed();
  readonly #bounds: BufferBounds;
  readonly #catchUp: CatchUp;
  readonly #wakes: WakeQueue;
  #revision: number;
  #shared: SharedEvent | undefined;
  /** By what is looked whether a reader may have its events. */
  readonly #checked = new Map<HubWatch, () => void>();
  /** What is being handed out, and how far. */
  #events: RevisionEvents | undefined;
  #at = 0;
  #overflowed: HubWatch[] = [];
  #timer: Timer | undefined;
  #closed: { readonly error: unknown } | undefined;
  #opened = 0;
  #refused = 0;
  #overflows = 0;
  #compactions = 0;

  /** Takes the source's listeners for itself. */
  constructor(setup: WatchHubSetup) {
    const { source, clock, options } = setup;
    this.#setup = setup;
    this.#revision = source.revision;
    this.#bounds = { eventsMax: options.watchEventsMax, bytesMax: options.watchBytesMax };
    this.#wakes = new WakeQueue(clock, options.watchSliceEvents);
    this.#catchUp = new CatchUp({
      source,
      clock,
      sliceEvents: options.watchSliceEvents,
      wake: (watch) => this.wake(watch),
      caughtUp: (watch) => this.#caughtUp(watch),
      compacted: (watch) => this.#compacted(watch),
    });
    source.onEvents = (events) => this.#onEvents(events);
    source.onReplaced = () => this.#onReplaced();
  }

  get revision(): number {
    return this.#revision;
  }

  metrics(): WatchMetrics {
    return {
      watches: this.#watches.size,
      watchesBehind: this.#watches.size - this.#live.size,
      watchesOpened: this.#opened,
      watchesRefused: this.#refused,
      watchesOverflowed: this.#overflows,
      watchesCompacted: this.#compactions,
      watchSlices: this.#catchUp.slices,
    };
  }

  /**
   * Begins a watch. Aborting the signal ends it with the signal's reason.
   *
   * @throws what `check` throws; EngineError `INVALID_REQUEST` for keys that cannot be, `COMPACTED`
   *   when the history does not reach back to the start, `RATE_LIMITED` at `watchesMax`, `CLOSED`,
   *   `CLUSTER_UNAVAILABLE` for one that needs a leader
   */
  watch(spec: WatchSpec, { signal, check }: HubWatchOptions = {}): LocalWatch {
    signal?.throwIfAborted();
    check?.();
    if (this.#closed !== undefined) throw this.#closed.error;
    const needsLeader = spec.needsLeader === true;
    if (needsLeader && this.#leaderNeed.refusal !== undefined) throw this.#leaderNeed.refusal;
    const span = watchSpanOf(spec, this.#setup.keyBytesMax);
    const next = this.#nextOf(spec.startRevision ?? 0);
    this.#admit();
    const watch = new HubWatch(this, spec, span, next, this.#bounds);
    this.#opened += 1;
    this.#watches.add(watch);
    if (watch.phase.kind === "live") this.#live.add(watch);
    else this.#catchUp.add(watch);
    if (watch.wantsProgress) this.#progressing.add(watch);
    if (needsLeader) this.#needing.add(watch);
    if (check !== undefined) this.#checked.set(watch, check);
    this.#schedule();
    if (signal !== undefined) this.#obey(watch, signal);
    return watch;
  }

  /** Looks after those who need a leader, which this node has not heard for so long. */
  review(leaderSilentMs: number): void {
    const error = this.#leaderNeed.review(leaderSilentMs);
    if (error === undefined) return;
    for (const watch of [...this.#needing]) this.#end(watch, error, "kept");
  }

  /** Ends the watches whose readers may no longer have them; what they have not read is dropped. */
  reviewReaders(): void {
    for (const [watch, check] of [...this.#checked]) {
      try {
        check();
      } catch (error) {
        this.#end(watch, error, "dropped");
      }
    }
  }

  /** Ends all watches with `error`, and takes no more. */
  close(error: unknown): void {
    if (this.#closed !== undefined) return;
    this.#closed = { error };
    const { source } = this.#setup;
    source.onEvents = undefined;
    source.onReplaced = undefined;
    for (const watch of [...this.#watches]) this.#end(watch, error, "kept");
  }

  taken(watch: HubWatch): void {
    const { phase } = watch;
    if (phase.kind !== "parked" || watch.hasEnough) return;
    watch.phase = { kind: "reading", next: phase.next };
    this.#catchUp.add(watch);
  }

  closed(watch: HubWatch): void {
    this.#end(watch, undefined, "dropped");
  }

  wake(watch: HubWatch): void {
    this.#wakes.add(watch);
  }

  /** The first revision that a watch is given. */
  #nextOf(startRevision: number): number {
    const { source } = this.#setup;
    if (!Number.isSafeInteger(startRevision) || startRevision < 0) {
      const message = `the start of a watch is a revision or 0, got ${startRevision}`;
      throw new EngineError("INVALID_REQUEST", message);
    }
    if (startRevision === 0) return source.revision + 1;
    if (startRevision >= source.oldestEventRevision) return startRevision;
    this.#compactions += 1;
    throw compacted(startRevision, source.oldestEventRevision);
  }

  #admit(): void {
    const { watchesMax } = this.#setup.options;
    if (this.#watches.size < watchesMax) return;
    this.#refused += 1;
    const message = `${watchesMax} watches are open on this node (watchesMax); close some`;
    throw new EngineError("RATE_LIMITED", message, { retryAfterMs: 1_000 });
  }

  #obey(watch: HubWatch, signal: CancelSignal): void {
    const onAbort = (): void => this.#end(watch, signal.reason, "dropped");
    signal.addEventListener("abort", onAbort);
    watch.release = () => signal.removeEventListener("abort", onAbort);
  }

  #onEvents(events: RevisionEvents): void {
    this.#revision = events.revision;
    if (this.#live.size === 0) return;
    this.#events = events;
    for (let at = 0; at < events.length; at++) {
      this.#at = at;
      this.#live.visit(events.key(at), this.#offer);
      this.#shared = undefined;
    }
    this.#events = undefined;
    if (this.#overflowed.length > 0) this.#dropOverflowed();
  }

  readonly #offer = (watch: HubWatch): void => {
    const { phase } = watch;
    const events = this.#events;
    if (events === undefined || phase.kind !== "live" || events.revision < phase.next) return;
    // Only what somebody watches is made into an object.
    this.#shared ??= new SharedEvent(events.event(this.#at));
    if (watch.gather(this.#shared, "bounded")) {
      this.#wakes.add(watch);
      return;
    }
    // The index may not change while it is searched.
    watch.end(overflow(events.revision), "dropped");
    this.#overflowed.push(watch);
  };

  #dropOverflowed(): void {
    this.#overflows += this.#overflowed.length;
    for (const watch of this.#overflowed) this.#forget(watch);
    this.#overflowed = [];
  }

  /** A snapshot was installed: who was at the present is now as far behind as this node was. */
  #onReplaced(): void {
    const { source } = this.#setup;
    const had = this.#revision;
    this.#revision = source.revision;
    this.reviewReaders();
    for (const watch of [...this.#live]) {
      if (watch.phase.kind !== "live") continue;
      const next = Math.max(watch.phase.next, had + 1);
      watch.phase = { kind: next > source.revision ? "live" : "reading", next };
      if (watch.phase.kind === "live") continue;
      this.#live.delete(watch);
      this.#catchUp.add(watch);
    }
  }

  #caughtUp(watch: HubWatch): void {
    if (watch.phase.kind !== "reading") return;
    const { next } = watch.phase;
    // With a buffer that is half full already, the next burst would end it for no fault of its own.
    watch.phase = { kind: watch.hasEnough ? "parked" : "live", next };
    if (watch.phase.kind === "live") this.#live.add(watch);
  }

  #compacted(watch: HubWatch): void {
    if (watch.phase.kind === "ended") return;
    this.#compactions += 1;
    const error = compacted(watch.phase.next, this.#setup.source.oldestEventRevision);
    this.#end(watch, error, "kept");
  }

  #end(watch: HubWatch, error: unknown, unread: "kept" | "dropped"): void {
    if (watch.phase.kind === "ended") return;
    watch.end(error, unread);
    this.#forget(watch);
  }

  #forget(watch: HubWatch): void {
    this.#watches.delete(watch);
    this.#live.delete(watch);
    this.#catchUp.delete(watch);
    this.#progressing.delete(watch);
    this.#needing.delete(watch);
    this.#checked.delete(watch);
    watch.release?.();
    watch.release = undefined;
    this.#wakes.add(watch);
    if (this.#progressing.size > 0) return;
    this.#timer?.cancel();
    this.#timer = undefined;
  }

  #schedule(): void {
    if (this.#progressing.size === 0 || this.#timer !== undefined) return;
    this.#timer = this.#setup.clock.setTimer(this.#setup.options.watchProgressMs, () => {
      this.#timer = undefined;
      for (const watch of this.#progressing) {
        if (!watch.told) watch.requestProgress();
        watch.told = false;
      }
      this.#schedule();
    });
  }
}

function compacted(wanted: number, oldestRevision: number): EngineError {
  const message = `revision ${wanted} is compacted; the oldest one left is ${oldestRevision}`;
  return new EngineError("COMPACTED", message, { oldestRevision });
}

function overflow(revision: number): EngineError {
  return new EngineError(
    "WATCH_BUFFER_OVERFLOW",
    `the reader of the watch was too slow: events up to revision ${revision} were dropped; watch again from behind the last one received`,
  );
}
