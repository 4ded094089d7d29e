import type { KeyRecord, Watch, WatchBatch, WatchEvent, WatchOptions } from "@d-engine/client";
import { type KeySpan, stringToKey } from "@d-engine/codec";
import { EngineError, isEngineError } from "@d-engine/core";
import { type KvEvent, type KvRecord, recordValue, visibleLease } from "@d-engine/kv";
import type { KeepAlive } from "../keep-alive.js";
import type { LocalWatch, WatchSpec } from "./local-watch.js";

/** What the watches of one client need of it. */
export interface EmbeddedWatchOwner {
  /** Begins a watch at this node; it obeys the signal of the options. */
  open(spec: WatchSpec, options: WatchOptions): LocalWatch;
  /** The copy belongs to the user. */
  copy(value: Uint8Array): Uint8Array;
  ended(watch: EmbeddedWatch): void;
  readonly keepAlive: KeepAlive;
}

type Result = IteratorResult<WatchBatch, undefined>;

/**
 * A watch of the state of the node in this process. Where its reader was too slow for the buffer of
 * the node it goes on from the history, behind what it has handed out: the reader is told nothing
 * of it, and misses nothing.
 */
export class EmbeddedWatch implements Watch {
  readonly #owner: EmbeddedWatchOwner;
  readonly #span: KeySpan;
  readonly #options: WatchOptions;
  readonly #begin: number;
  #local: LocalWatch | undefined;
  #revision: number;
  /** Why there never was a watch, for `ready`. */
  readonly #refusal: unknown;
  /** To be told by the next `next`. */
  #failure: unknown;
  #waiting: Waiting | undefined;
  #iterated = false;

  /** @throws EngineError `INVALID_REQUEST`, `RATE_LIMITED`, `CLOSED`, and the signal's reason */
  constructor(owner: EmbeddedWatchOwner, span: KeySpan, options: WatchOptions) {
    this.#owner = owner;
    this.#span = span;
    this.#options = options;
    const { fromRevision } = options;
    checkFrom(fromRevision);
    this.#revision = fromRevision === undefined ? 0 : fromRevision - 1;
    try {
      this.#local = this.#open(fromRevision ?? 0);
      this.#revision = this.#local.revision;
    } catch (error) {
      if (!isEngineError(error, "COMPACTED")) throw error;
      this.#refusal = error;
      this.#failure = error;
    }
    this.#begin = this.#revision;
  }

  get revision(): number {
    return this.#revision;
  }

  /** Whether nothing will come any more. */
  get isOver(): boolean {
    return this.#local === undefined;
  }

  async ready(): Promise<number> {
    if (this.#refusal !== undefined) throw this.#refusal;
    return this.#begin;
  }

  [Symbol.asyncIterator](): this {
    if (this.#iterated) throw secondConsumer();
    this.#iterated = true;
    return this;
  }

  /** Thousands of them may wait at once, so that one that waits is a promise and no more. */
  next(): Promise<Result> {
    if (this.#waiting !== undefined) return Promise.reject(secondConsumer());
    try {
      const result = this.#take();
      if (result !== undefined) return Promise.resolve(result);
    } catch (error) {
      return Promise.reject(error);
    }
    this.#owner.keepAlive.enter();
    return new Promise((resolve, reject) => {
      this.#waiting = { resolve, reject };
    });
  }

  async return(): Promise<Result> {
    this.close();
    return { done: true, value: undefined };
  }

  /** Ends it without an error; what is unread is dropped. Idempotent. */
  close(): void {
    this.#failure = undefined;
    this.#end();
    this.#settle();
  }

  /** Gives who waits in `next` what there is, if anything. */
  #settle(): void {
    const waiting = this.#waiting;
    if (waiting === undefined) return;
    let settled = true;
    try {
      const result = this.#take();
      if (result === undefined) settled = false;
      else waiting.resolve(result);
    } catch (error) {
      waiting.reject(error);
    }
    if (!settled) return;
    this.#waiting = undefined;
    this.#owner.keepAlive.leave();
  }

  /** What there is now; `undefined`: nothing yet. */
  #take(): Result | undefined {
    while (this.#local !== undefined) {
      try {
        const message = this.#local.take();
        if (message === undefined) return undefined;
        this.#revision = message.revision;
        if (message.kind === "events") {
          return { done: false, value: this.#batchOf(message.revision, message.events) };
        }
      } catch (error) {
        this.#afterEnd(error);
      }
    }
    const failure = this.#failure;
    this.#failure = undefined;
    if (failure !== undefined) throw failure;
    return { done: true, value: undefined };
  }

  /** Goes on from the history where that is the way out; whoever closes an engine needs no error. */
  #afterEnd(error: unknown): void {
    try {
      if (!isEngineError(error, "WATCH_BUFFER_OVERFLOW")) throw error;
      this.#local = this.#open(this.#revision + 1);
    } catch (failure) {
      const aborted = this.#options.signal?.aborted === true;
      if (aborted || !isEngineError(failure, "CLOSED")) this.#failure = failure;
      this.#end();
    }
  }

  #open(startRevision: number): LocalWatch {
    const { previous, only } = this.#options;
    const spec = {
      ...this.#span,
      startRevision,
      prevKv: previous === true,
      noPut: only === "delete",
      noDelete: only === "put",
      progress: true,
    };
    const local = this.#owner.open(spec, this.#options);
    local.onReadable = () => this.#settle();
    return local;
  }

  #end(): void {
    const local = this.#local;
    if (local === undefined) return;
    this.#local = undefined;
    local.close();
    this.#owner.ended(this);
  }

  #batchOf(revision: number, events: readonly KvEvent[]): WatchBatch {
    return { revision, events: events.map((event) => this.#eventOf(event)) };
  }

  #eventOf({ revision, key: name, record, previous: before }: KvEvent): WatchEvent {
    const key = stringToKey(name);
    const previous = before && this.#recordOf(stringToKey(name), before);
    if (record === undefined) return { kind: "delete", revision, key, previous };
    return { kind: "put", revision, record: this.#recordOf(key, record), previous };
  }

  /** The state's bytes are not for users: each event gets its own. */
  #recordOf(key: Uint8Array, record: KvRecord): KeyRecord {
    const { createRevision, modRevision, version } = record;
    const lease = visibleLease(record.lease);
    const value = this.#owner.copy(recordValue(record));
    return { key, value, createRevision, modRevision, version, lease };
  }
}

interface Waiting {
  readonly resolve: (result: Result) => void;
  readonly reject: (error: unknown) => void;
}

function checkFrom(revision: number | undefined): void {
  if (revision === undefined || (Number.isSafeInteger(revision) && revision >= 1)) return;
  const message = `fromRevision must be an integer, 1 or more, got ${revision}`;
  throw new EngineError("INVALID_REQUEST", message);
}

function secondConsumer(): EngineError {
  return new EngineError("INVALID_REQUEST", "a watch has one consumer; open another watch");
}
