import { EngineError } from "@d-engine/core";
import type { KeepAlive } from "@d-engine/server";

/** What the stream reads from. */
export interface ChangeSource<Value> {
  readonly current: Value;
  /** There will be no further change. */
  readonly ended: boolean;
  subscribe(listener: () => void): () => void;
}

type Result<Value> = IteratorResult<Value, undefined>;

/**
 * A value now, and then each change of it, as one consumer takes them. A consumer that is slower than
 * the changes gets the newest and not those between, so nothing queues up. Ends when the engine
 * does; `break`, a throw in the loop and `return()` release it. One `for await` per stream.
 */
export class Changes<Value> implements AsyncIterableIterator<Value, undefined> {
  readonly #source: ChangeSource<Value>;
  readonly #keepAlive: KeepAlive;
  readonly #unsubscribe: () => void;
  /** The newest value was not handed out yet. */
  #fresh = true;
  #released = false;
  #iterated = false;
  #wake: (() => void) | undefined;

  constructor(source: ChangeSource<Value>, keepAlive: KeepAlive) {
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

  async next(): Promise<Result<Value>> {
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

  async return(): Promise<Result<Value>> {
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
    "a stream of changes has one consumer; ask the engine for another stream",
  );
}
