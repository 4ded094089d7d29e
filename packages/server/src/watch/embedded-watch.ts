import type { KeyRecord, Watch, WatchBatch, WatchEvent, WatchOptions } from "@d-engine/client";
import { type KeySpan, stringToKey } from "@d-engine/codec";
import { EngineError, isEngineError } from "@d-engine/core";
import { type KvEvent, type KvRecord, recordValue } from "@d-engine/kv";
import type { KeepAlive } from "../keep-alive.js";
import type { LocalWatch, WatchSpec } from "./local-watch.js";

export interface EmbeddedWatchSetup {
  readonly span: KeySpan;
  readonly options: WatchOptions;
  /** Begins a watch at this node; it obeys the signal of the options. */
  readonly open: (spec: WatchSpec) => LocalWatch;
  readonly keepAlive: KeepAlive;
  readonly onEnd: (watch: EmbeddedWatch) => void;
}

type Result = IteratorResult<WatchBatch, undefined>;

/**
 * A watch of the state of the node in this process. Where its reader was too slow for the buffer of
 * the node it goes on from the history, behind what it has handed out: the reader is told nothing
 * of it, and misses nothing.
 */
export class EmbeddedWatch implements Watch {
  readonly #setup: EmbeddedWatchSetup;
  readonly #begin: number;
  #local: LocalWatch | undefined;
  #revision: number;
  /** Why there never was a watch, for `ready`. */
  readonly #refusal: unknown;
  /** To be told by the next `next`. */
  #failure: unknown;
  #reading = false;
  #iterated = false;

  /** @throws EngineError `INVALID_REQUEST`, `RATE_LIMITED`, `CLOSED`, and the signal's reason */
  constructor(setup: EmbeddedWatchSetup) {
    this.#setup = setup;
    const { fromRevision } = setup.options;
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

  async next(): Promise<Result> {
    if (this.#reading) throw secondConsumer();
    this.#reading = true;
    try {
      const value = await this.#setup.keepAlive.during(this.#read());
      return value === undefined ? { done: true, value } : { done: false, value };
    } finally {
      this.#reading = false;
    }
  }

  async return(): Promise<Result> {
    this.close();
    return { done: true, value: undefined };
  }

  /** Ends it without an error; what is unread is dropped. Idempotent. */
  close(): void {
    this.#failure = undefined;
    this.#end();
  }

  async #read(): Promise<WatchBatch | undefined> {
    while (this.#local !== undefined) {
      try {
        const { done, value } = await this.#local.next();
        if (done === true) break;
        this.#revision = value.revision;
        if (value.kind === "events") return batchOf(value.revision, value.events);
      } catch (error) {
        this.#afterEnd(error);
      }
    }
    this.#end();
    const failure = this.#failure;
    this.#failure = undefined;
    if (failure !== undefined) throw failure;
    return undefined;
  }

  /** Goes on from the history where that is the way out; whoever closes an engine needs no error. */
  #afterEnd(error: unknown): void {
    try {
      if (!isEngineError(error, "WATCH_BUFFER_OVERFLOW")) throw error;
      this.#local = this.#open(this.#revision + 1);
    } catch (failure) {
      const aborted = this.#setup.options.signal?.aborted === true;
      if (aborted || !isEngineError(failure, "CLOSED")) this.#failure = failure;
      this.#end();
    }
  }

  #open(startRevision: number): LocalWatch {
    const { span, options } = this.#setup;
    return this.#setup.open({
      ...span,
      startRevision,
      prevKv: options.previous === true,
      noPut: options.only === "delete",
      noDelete: options.only === "put",
      progress: true,
    });
  }

  #end(): void {
    const local = this.#local;
    if (local === undefined) return;
    this.#local = undefined;
    local.close();
    this.#setup.onEnd(this);
  }
}

function batchOf(revision: number, events: readonly KvEvent[]): WatchBatch {
  return { revision, events: events.map(eventOf) };
}

function eventOf({ revision, key: name, record, previous: before }: KvEvent): WatchEvent {
  const key = stringToKey(name);
  const previous = before && recordOf(stringToKey(name), before);
  if (record === undefined) return { kind: "delete", revision, key, previous };
  return { kind: "put", revision, record: recordOf(key, record), previous };
}

/** The state's bytes are not for users: each event gets its own. */
function recordOf(key: Uint8Array, record: KvRecord): KeyRecord {
  const { createRevision, modRevision, version, lease } = record;
  const value = new Uint8Array(recordValue(record));
  return { key, value, createRevision, modRevision, version, lease };
}

function checkFrom(revision: number | undefined): void {
  if (revision === undefined || (Number.isSafeInteger(revision) && revision >= 1)) return;
  const message = `fromRevision must be an integer, 1 or more, got ${revision}`;
  throw new EngineError("INVALID_REQUEST", message);
}

function secondConsumer(): EngineError {
  return new EngineError("INVALID_REQUEST", "a watch has one consumer; open another watch");
}
