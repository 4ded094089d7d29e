import { EngineError } from "@d-engine/core";

/** What the stream reads from. */
export interface ChangeSource<Value> {
  readonly current: Value;
  /** There is no value yet. */
  readonly pending?: boolean;
  /** There will be no further change. */
  readonly ended: boolean;
  /** Why it ended, when that is for the consumer to know. */
  readonly failure?: unknown;
  /** Calls back after each change, and at the end. */
  subscribe(listener: () => void): () => void;
}

/** What ends a stream of changes from outside, and what keeps its process. */
export interface ChangesOptions {
  /** Rejects what is awaited with its reason. */
  readonly signal?: AbortSignal | undefined;
  /** Ends the stream as its source would. */
  readonly closing?: AbortSignal | undefined;
  /** Keeps the process while a change is awaited. */
  readonly keepAlive?: { during<T>(promise: Promise<T>): Promise<T> } | undefined;
}

type Result<Value> = IteratorResult<Value, undefined>;

/**
 * A value now, and then each change of it, as one consumer takes them. A consumer that is slower than
 * the changes gets the newest and not those between, so nothing queues up. Ends when the source
 * does; `break`, a throw in the loop and `return()` release it. One `for await` per stream.
 * Nothing is held before the first value is asked for.
 */
export class Changes<Value> implements AsyncIterableIterator<Value, undefined> {
  readonly #source: ChangeSource<Value>;
  readonly #options: ChangesOptions;
  /** The newest value was not handed out yet. */
  #fresh = true;
  #released = false;
  #iterated = false;
  #unsubscribe: (() => void) | undefined;
  #wake: (() => void) | undefined;

  constructor(source: ChangeSource<Value>, options: ChangesOptions = {}) {
    this.#source = source;
    this.#options = options;
  }

  [Symbol.asyncIterator](): this {
    if (this.#iterated) throw secondConsumer();
    this.#iterated = true;
    return this;
  }

  async next(): Promise<Result<Value>> {
    if (this.#wake !== undefined) throw secondConsumer();
    this.#subscribe();
    while (!this.#isOver && (!this.#fresh || this.#source.pending === true)) {
      const woken = new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
      await (this.#options.keepAlive?.during(woken) ?? woken);
      this.#wake = undefined;
    }
    if (this.#isOver) return this.#end();
    this.#fresh = false;
    return { done: false, value: this.#source.current };
  }

  async return(): Promise<Result<Value>> {
    this.#release();
    return { done: true, value: undefined };
  }

  #subscribe(): void {
    if (this.#isOver || this.#unsubscribe !== undefined) return;
    const { signal, closing } = this.#options;
    const wake = (): void => this.#wake?.();
    const unsubscribe = this.#source.subscribe(() => {
      this.#fresh = true;
      wake();
    });
    // At once, whether or not anybody waits: the source is not held for a reader who never returns.
    const end = (): void => {
      signal?.removeEventListener("abort", end);
      closing?.removeEventListener("abort", end);
      unsubscribe();
      wake();
    };
    signal?.addEventListener("abort", end, { once: true });
    closing?.addEventListener("abort", end, { once: true });
    this.#unsubscribe = end;
  }

  /** Throws what ended the stream, once; later it is just over. */
  #end(): Result<Value> {
    const first = !this.#released;
    this.#release();
    if (first) {
      this.#options.signal?.throwIfAborted();
      if (this.#source.failure !== undefined) throw this.#source.failure;
    }
    return { done: true, value: undefined };
  }

  #release(): void {
    this.#released = true;
    this.#unsubscribe?.();
    this.#unsubscribe = undefined;
    this.#wake?.();
  }

  get #isOver(): boolean {
    const { signal, closing } = this.#options;
    return (
      this.#released || this.#source.ended || signal?.aborted === true || closing?.aborted === true
    );
  }
}

function secondConsumer(): EngineError {
  return new EngineError(
    "INVALID_REQUEST",
    "a stream of changes has one consumer; ask for another stream",
  );
}
