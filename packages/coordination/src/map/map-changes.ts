import { EngineError } from "@d-engine/core";

/** What became of one key. */
export type MapChange<T> =
  | {
      readonly kind: "set";
      readonly key: string;
      readonly value: T;
      /** What was shown before; `undefined`: nothing. */
      readonly previous: T | undefined;
    }
  | { readonly kind: "delete"; readonly key: string; readonly previous: T };

/** What changed since the last time. */
export interface MapChanges<T> {
  /** The map shows this revision, or showed it when this was taken. */
  readonly revision: number;
  readonly changes: readonly MapChange<T>[];
}

/** A value as the map holds it: another object for each write. */
export interface Held<T> {
  readonly value: T;
}

/** What a stream of changes reads from. */
export interface MapSource<T> {
  readonly revision: number;
  held(key: string): Held<T> | undefined;
  /** How it ended: with an error, or just so; `undefined`: it has not. */
  readonly end: { readonly error: unknown } | undefined;
}

type Result<T> = IteratorResult<MapChanges<T>, undefined>;

/**
 * The changes of a map as one consumer takes them: what happened since the last time, once per key.
 * A consumer that is slow gets the first `previous` and the last value of each key, and nothing of a
 * key that is as it was, so no more waits for it than the map holds and has held.
 */
export class MapChangesReader<T> implements AsyncIterableIterator<MapChanges<T>, undefined> {
  readonly #source: MapSource<T>;
  readonly #signal: AbortSignal | undefined;
  readonly #onRelease: (reader: MapChangesReader<T>) => void;
  /** Changed keys, with what the consumer knows of each. */
  #pending = new Map<string, Held<T> | undefined>();
  #isReleased = false;
  #isIterated = false;
  #wake: (() => void) | undefined;

  constructor(
    source: MapSource<T>,
    signal: AbortSignal | undefined,
    onRelease: (reader: MapChangesReader<T>) => void,
  ) {
    this.#source = source;
    this.#signal = signal;
    this.#onRelease = onRelease;
    signal?.addEventListener("abort", this.#onAbort, { once: true });
  }

  /** The map shows something else for this key now. */
  note(key: string, previous: Held<T> | undefined): void {
    if (!this.#pending.has(key)) this.#pending.set(key, previous);
  }

  /** All of a revision was noted, or the map has ended. */
  wake(): void {
    this.#wake?.();
  }

  [Symbol.asyncIterator](): this {
    if (this.#isIterated) throw secondConsumer();
    this.#isIterated = true;
    return this;
  }

  async next(): Promise<Result<T>> {
    if (this.#wake !== undefined) throw secondConsumer();
    for (;;) {
      if (this.#isReleased) return over;
      if (this.#signal?.aborted) return this.#throw(this.#signal.reason);
      const changes = this.#take();
      if (changes.length > 0) {
        return { done: false, value: { revision: this.#source.revision, changes } };
      }
      const { end } = this.#source;
      if (end !== undefined)
        return end.error === undefined ? this.return() : this.#throw(end.error);
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
      this.#wake = undefined;
    }
  }

  async return(): Promise<Result<T>> {
    this.#release();
    return over;
  }

  readonly #onAbort = (): void => this.#wake?.();

  #take(): MapChange<T>[] {
    const pending = this.#pending;
    this.#pending = new Map();
    const changes: MapChange<T>[] = [];
    for (const [key, before] of pending) {
      const now = this.#source.held(key);
      const previous = before?.value;
      if (now === before) continue; // set and deleted again
      if (now !== undefined) changes.push({ kind: "set", key, value: now.value, previous });
      else changes.push({ kind: "delete", key, previous: previous as T });
    }
    return changes;
  }

  #throw(error: unknown): never {
    this.#release();
    throw error;
  }

  #release(): void {
    if (this.#isReleased) return;
    this.#isReleased = true;
    this.#pending.clear();
    this.#signal?.removeEventListener("abort", this.#onAbort);
    this.#onRelease(this);
    this.#wake?.();
  }
}

const over: { readonly done: true; readonly value: undefined } = { done: true, value: undefined };

function secondConsumer(): EngineError {
  return new EngineError(
    "INVALID_REQUEST",
    "a stream of changes has one consumer; ask the map for another stream",
  );
}
