import type { KeySpan } from "@d-engine/codec";
import { EngineError } from "@d-engine/core";
import type { Watch, WatchBatch, WatchOptions } from "./watch-types.js";
import type { WatchInput, WatchOutput } from "./watch-wire.js";

/** What may wait for the reader of one watch; beyond that it is read from the history later. */
const waitingEventsMax = 1_000;
const waitingBytesMax = 4 * 1024 * 1024;

/** What a watch wants of the stream that carries it. */
export interface WatchHost {
  /** The reader is behind: nothing more for this watch, until `resume`. */
  park(watch: RemoteWatch): void;
  /** From behind `received` on again. */
  resume(watch: RemoteWatch): void;
  /** Nothing more, ever. */
  release(watch: RemoteWatch): void;
}

type Result = IteratorResult<WatchBatch, undefined>;

/**
 * One watch, whatever streams carry it: knows what it has received, so that each stream goes on
 * behind that, and gives to its reader what is above what it gave before. Its queue is bounded;
 * a watch whose reader is behind is parked, which costs the others of its stream nothing.
 */
export class RemoteWatch implements Watch {
  readonly #span: KeySpan;
  readonly #options: WatchOptions;
  readonly #host: WatchHost;
  readonly #waiting: { readonly batch: WatchBatch; readonly bytes: number }[] = [];
  #waitingEvents = 0;
  #waitingBytes = 0;
  /** Everything up to here has arrived; `undefined`: no node has said yet where it begins. */
  #received: number | undefined;
  #revision: number;
  #parked = false;
  /** How it ended: with an error, or just so. */
  #end: { readonly error: unknown } | undefined;
  #iterated = false;
  #wake: (() => void) | undefined;
  #onReady: ((revision: number) => void) | undefined;
  #onNotReady: ((error: unknown) => void) | undefined;
  readonly #ready: Promise<number>;

  constructor(span: KeySpan, options: WatchOptions, host: WatchHost) {
    this.#span = span;
    this.#options = options;
    this.#host = host;
    const { fromRevision, signal } = options;
    this.#received = fromRevision === undefined ? undefined : fromRevision - 1;
    this.#revision = this.#received ?? 0;
    this.#ready = new Promise((resolve, reject) => {
      this.#onReady = resolve;
      this.#onNotReady = reject;
    });
    // Whoever does not ask for it hears of a failure by `next`.
    this.#ready.catch(() => undefined);
    signal?.addEventListener("abort", this.#onAbort, { once: true });
  }

  get revision(): number {
    return this.#revision;
  }

  get isParked(): boolean {
    return this.#parked;
  }

  ready(): Promise<number> {
    return this.#ready;
  }

  [Symbol.asyncIterator](): this {
    if (this.#iterated) throw secondConsumer();
    this.#iterated = true;
    return this;
  }

  async next(): Promise<Result> {
    if (this.#wake !== undefined) throw secondConsumer();
    for (;;) {
      const first = this.#waiting.shift();
      if (first !== undefined) return { done: false, value: this.#handOut(first) };
      if (this.#end !== undefined) return this.#tellEnd(this.#end);
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
      this.#wake = undefined;
    }
  }

  async return(): Promise<Result> {
    this.fail(undefined);
    return { done: true, value: undefined };
  }

  /** What a stream is told to bring on this watch. */
  creation(id: number): WatchInput {
    const { previous = false, only } = this.#options;
    return {
      kind: "create",
      id,
      ...this.#span,
      startRevision: this.#received === undefined ? 0 : this.#received + 1,
      previous,
      noPut: only === "delete",
      noDelete: only === "put",
    };
  }

  /** Takes what a stream brings for this watch. */
  take(output: Exclude<WatchOutput, { readonly kind: "canceled" }>): void {
    if (this.#end !== undefined) return;
    if (output.kind === "created") this.#begin(output.revision);
    else if (output.kind === "events") this.#add(output);
    else this.#advance(output.revision);
  }

  /** The end, with an error for the reader or without; what waits is dropped unless it is an error. */
  fail(error: unknown): void {
    if (this.#end !== undefined) return;
    this.#end = { error };
    if (error === undefined) this.#waiting.length = 0;
    this.#options.signal?.removeEventListener("abort", this.#onAbort);
    this.#onNotReady?.(error ?? new EngineError("CLOSED", "the watch was ended"));
    this.#host.release(this);
    this.#wake?.();
  }

  readonly #onAbort = (): void => {
    this.#waiting.length = 0;
    this.fail(this.#options.signal?.reason);
  };

  /** A stream that begins later than what was asked for would leave something out (W3). */
  #begin(revision: number): void {
    if (this.#received !== undefined && revision > this.#received) {
      const gap = `asked for what follows revision ${this.#received}, a node began at ${revision}`;
      this.fail(new EngineError("INVALID_RESPONSE", gap));
      return;
    }
    this.#received ??= revision;
    this.#revision = Math.max(this.#revision, this.#waiting.length > 0 ? 0 : this.#received);
    this.#onReady?.(this.#received);
  }

  #add({ events, revision, bytes }: Extract<WatchOutput, { readonly kind: "events" }>): void {
    const received = this.#received ?? 0;
    if (revision <= received) return;
    // What a node repeats must not happen twice (W2).
    const news = events.filter((event) => event.revision > received);
    this.#received = revision;
    this.#waiting.push({ batch: { revision, events: news }, bytes });
    this.#waitingEvents += news.length;
    this.#waitingBytes += bytes;
    this.#wake?.();
    if (this.#parked || !this.#isFull) return;
    this.#parked = true;
    this.#host.park(this);
  }

  /** Progress is a promise about what came before it: nothing up to there is missing (W6). */
  #advance(revision: number): void {
    if (this.#received === undefined || revision <= this.#received) return;
    this.#received = revision;
    if (this.#waiting.length === 0) this.#revision = revision;
  }

  #handOut({ batch, bytes }: { readonly batch: WatchBatch; readonly bytes: number }): WatchBatch {
    this.#waitingEvents -= batch.events.length;
    this.#waitingBytes -= bytes;
    const isLast = this.#waiting.length === 0;
    this.#revision = isLast ? (this.#received ?? batch.revision) : batch.revision;
    if (isLast && this.#parked) {
      this.#parked = false;
      this.#host.resume(this);
    }
    return batch;
  }

  #tellEnd({ error }: { readonly error: unknown }): Result {
    this.#end = { error: undefined };
    if (error !== undefined) throw error;
    return { done: true, value: undefined };
  }

  get #isFull(): boolean {
    return this.#waitingEvents >= waitingEventsMax || this.#waitingBytes >= waitingBytesMax;
  }
}

function secondConsumer(): EngineError {
  return new EngineError("INVALID_REQUEST", "a watch has one consumer; open another watch");
}
