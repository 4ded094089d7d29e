import { EngineError } from "@d-engine/core";
import type { LocalWatch, WatchMessage, WatchSpec } from "./local-watch.js";
import type { SharedEvent } from "./shared-event.js";
import { type BufferBounds, WatchBuffer } from "./watch-buffer.js";
import type { WatchSpan } from "./watch-span.js";

/**
 * - `reading`: waits for its turn to be given events of the history, from `next` on.
 * - `parked`: the same, but its reader has enough to do for now.
 * - `live`: has everything up to the present, and wants what comes of revisions from `next` on.
 * - `ended`: gets nothing any more; `error` tells its reader why, who closed it needs none.
 */
export type WatchPhase =
  | { readonly kind: "reading" | "parked" | "live"; readonly next: number }
  | { readonly kind: "ended"; readonly error: unknown };

/** What a watch needs of the hub. */
export interface WatchOwner {
  /** Of the state, as far as live watches have been told. */
  readonly revision: number;
  /** Something was taken out of the buffer. */
  taken(watch: HubWatch): void;
  /** The reader has no more use for it. */
  closed(watch: HubWatch): void;
  /** There is something to read. */
  wake(watch: HubWatch): void;
}

/** One watch at the hub: what it wants, where it stands, and what its reader has not read yet. */
export class HubWatch implements LocalWatch {
  readonly span: WatchSpan;
  readonly revision: number;
  readonly wantsProgress: boolean;
  onReadable: (() => void) | undefined;
  phase: WatchPhase;
  /** Whether it stands in the queue of those to be woken. */
  wakeQueued = false;
  /** Lets go of what would end it. */
  release: (() => void) | undefined;
  /** Whether events were handed over since the hub looked last. */
  told = false;
  readonly #owner: WatchOwner;
  readonly #buffer: WatchBuffer;
  readonly #prevKv: boolean;
  readonly #noPut: boolean;
  readonly #noDelete: boolean;
  #progressDue = false;
  #waiting: Waiting | undefined;
  #iterated = false;
  #over = false;

  constructor(
    owner: WatchOwner,
    spec: WatchSpec,
    span: WatchSpan,
    next: number,
    bounds: BufferBounds,
  ) {
    this.#owner = owner;
    this.span = span;
    this.revision = next - 1;
    this.phase = { kind: next > owner.revision ? "live" : "reading", next };
    this.wantsProgress = spec.progress === true;
    this.#prevKv = spec.prevKv === true;
    this.#noPut = spec.noPut === true;
    this.#noDelete = spec.noDelete === true;
    this.#buffer = new WatchBuffer(bounds);
  }

  /** Whether more of the history would only pile up. */
  get hasEnough(): boolean {
    return this.#buffer.isHalfFull;
  }

  /** Whether it is in the middle of this revision. */
  holds(revision: number): boolean {
    return this.#buffer.holds(revision);
  }

  /** Takes in an event of its keys, or passes it over; `false`: there was no room for it. */
  gather(shared: SharedEvent, room: "bounded" | "enough"): boolean {
    const { event } = shared;
    if (event.record === undefined ? this.#noDelete : this.#noPut) return true;
    const wanted = this.#prevKv ? event : shared.withoutPrevious;
    if (room === "bounded" && !this.#buffer.hasRoomFor(wanted)) return false;
    this.#buffer.add(wanted);
    return true;
  }

  /** Ends it. What is unread is dropped with it, unless the reader can still make use of it. */
  end(error: unknown, unread: "kept" | "dropped"): void {
    this.phase = { kind: "ended", error };
    if (unread === "dropped") this.#buffer.clear();
  }

  take(bytesMax: number = Number.POSITIVE_INFINITY): WatchMessage | undefined {
    const batch = this.#buffer.take(bytesMax);
    if (batch !== undefined) {
      this.told = true;
      this.#owner.taken(this);
      return { kind: "events", events: batch.events, revision: batch.revision };
    }
    const { phase } = this;
    if (phase.kind === "ended") {
      if (phase.error !== undefined) throw phase.error;
      return undefined;
    }
    if (!this.#progressDue) return undefined;
    this.#progressDue = false;
    return { kind: "progress", revision: this.#position };
  }

  requestProgress(): void {
    if (this.phase.kind === "ended") return;
    this.#progressDue = true;
    this.#owner.wake(this);
  }

  close(): void {
    if (this.phase.kind === "ended") this.#buffer.clear();
    else this.#owner.closed(this);
    this.#over = true;
    this.#settle();
  }

  /** Tells the reader that there is something. */
  notify(): void {
    if (this.#waiting === undefined) this.onReadable?.();
    else this.#settle();
  }

  next(): Promise<IteratorResult<WatchMessage, undefined>> {
    return new Promise((resolve, reject) => {
      if (this.#waiting !== undefined) {
        reject(
          new EngineError("INVALID_REQUEST", "a watch has one reader: await one next() first"),
        );
        return;
      }
      this.#waiting = { resolve, reject };
      this.#settle();
    });
  }

  async return(): Promise<IteratorResult<WatchMessage, undefined>> {
    this.close();
    return { done: true, value: undefined };
  }

  [Symbol.asyncIterator](): this {
    if (this.#iterated) {
      throw new EngineError("INVALID_REQUEST", "a watch has one reader: it is being read already");
    }
    this.#iterated = true;
    return this;
  }

  /** Up to here its reader has everything, once the buffer is empty (W6). */
  get #position(): number {
    const { phase } = this;
    if (phase.kind === "ended") return this.revision;
    // Of a watch that starts in the future: nothing that it wants has come before.
    return phase.kind === "live" ? Math.max(this.#owner.revision, phase.next - 1) : phase.next - 1;
  }

  /** Gives who waits in `next` what there is. After an error or the end it is over. */
  #settle(): void {
    const waiting = this.#waiting;
    if (waiting === undefined) return;
    try {
      const message = this.#over ? undefined : this.take();
      if (message === undefined && !this.#over) return;
      this.#waiting = undefined;
      if (message === undefined) waiting.resolve({ done: true, value: undefined });
      else waiting.resolve({ done: false, value: message });
    } catch (error) {
      this.#over = true;
      this.#waiting = undefined;
      waiting.reject(error);
    }
  }
}

interface Waiting {
  readonly resolve: (result: IteratorResult<WatchMessage, undefined>) => void;
  readonly reject: (error: unknown) => void;
}
