import type { LeaderInfo } from "@d-engine/client";
import { EngineError } from "@d-engine/core";
import type { KeepAlive } from "@d-engine/server";

/** What the stream reads from. */
export interface LeaderSource {
  readonly current: LeaderInfo | undefined;
  /** There will be no further change. */
  readonly ended: boolean;
  subscribe(listener: () => void): () => void;
}

type Result = IteratorResult<LeaderInfo | undefined, undefined>;

/**
 * The leader now, and then each change, as one consumer takes them. A consumer that is slower than
 * the changes gets the newest and not those between, so nothing queues up. Ends when the engine
 * does; `break`, a throw in the loop and `return()` release it. One `for await` per stream.
 */
export class LeaderChanges implements AsyncIterableIterator<LeaderInfo | undefined> {
  readonly #source: LeaderSource;
  readonly #keepAlive: KeepAlive;
  readonly #unsubscribe: () => void;
  /** The newest value was not handed out yet. */
  #fresh = true;
  #released = false;
  #iterated = false;
  #wake: (() => void) | undefined;

  constructor(source: LeaderSource, keepAlive: KeepAlive) {
    this.#source = source;
    this.#keepAlive = keepAlive;
    this.#unsubscribe = source.subscribe(() => {
      this.#fresh = true;
      this.#wake?.();
    });
  }

  [Symbol.asyncIterator](): this {
    if (this.#iterated) throw secondConsumer();
    this.#iterated = true;
    return this;
  }

  async next(): Promise<Result> {
    if (this.#wake !== undefined) throw secondConsumer();
    while (!this.#fresh && !this.#over) {
      await this.#keepAlive.during(
        new Promise<void>((resolve) => {
          this.#wake = resolve;
        }),
      );
      this.#wake = undefined;
    }
    if (this.#over) return { done: true, value: undefined };
    this.#fresh = false;
    return { done: false, value: this.#source.current };
  }

  async return(): Promise<Result> {
    this.#released = true;
    this.#unsubscribe();
    this.#wake?.();
    return { done: true, value: undefined };
  }

  get #over(): boolean {
    return this.#released || this.#source.ended;
  }
}

function secondConsumer(): EngineError {
  return new EngineError(
    "INVALID_REQUEST",
    "a leader stream has one consumer; ask the engine for another stream",
  );
}
