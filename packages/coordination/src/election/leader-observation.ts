import type { KeyRecord } from "@d-engine/client";
import { EngineError } from "@d-engine/core";
import { keyString, PrefixFollower } from "../follow/prefix-follower.js";
import type { RecipePorts } from "../recipe-ports.js";

/** Who leads an election. */
export interface Leader {
  /** What it stood with, or has proclaimed since. */
  readonly value: Uint8Array;
  /** Its fencing token: each leader's is higher than that of the one before. */
  readonly token: number;
  /** The revision that gave it this value. */
  readonly revision: number;
}

/** Options of `observe`. */
export interface ObserveOptions {
  /** Ends it: the iteration rejects with the reason. */
  readonly signal?: AbortSignal;
}

/** Candidates and the bytes that these stand with, beyond which it ends with `RATE_LIMITED`. */
const candidatesMax = 1_000_000;
const bytesMax = 256 * 1024 * 1024;

type Result = IteratorResult<Leader | undefined, undefined>;

/** Follows the candidates of an election, and holds the latest change of the first until it is taken. */
export class LeaderObservation implements AsyncIterableIterator<Leader | undefined, undefined> {
  readonly #follower: PrefixFollower;
  readonly #signal: AbortSignal | undefined;
  #first: KeyRecord | undefined;
  /** The first has changed since it was taken; so it has when it is known for the first time. */
  #isNews = false;
  #isKnown = false;
  #end: { readonly error: unknown } | undefined;
  #isIterated = false;
  #wake: (() => void) | undefined;

  constructor(ports: RecipePorts, prefix: string, { signal }: ObserveOptions) {
    signal?.throwIfAborted();
    this.#signal = signal;
    this.#follower = new PrefixFollower({
      ports,
      prefix,
      entriesMax: candidatesMax,
      bytesMax,
      onChanges: () => this.#look(),
      onStanding: () => undefined,
      onFailure: (error) => this.#finish(error),
    });
    signal?.addEventListener("abort", this.#onAbort, { once: true });
  }

  [Symbol.asyncIterator](): this {
    if (this.#isIterated) throw secondConsumer();
    this.#isIterated = true;
    return this;
  }

  async next(): Promise<Result> {
    if (this.#wake !== undefined) throw secondConsumer();
    while (!this.#isNews && this.#end === undefined) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
      this.#wake = undefined;
    }
    const end = this.#end;
    if (end !== undefined) {
      // Told once; after that it is over.
      this.#end = { error: undefined };
      if (end.error !== undefined) throw end.error;
      return over;
    }
    this.#isNews = false;
    return { done: false, value: this.#first && leaderOf(this.#first) };
  }

  async return(): Promise<Result> {
    this.#finish(undefined);
    return over;
  }

  readonly #onAbort = (): void => this.#finish(this.#signal?.reason);

  #look(): void {
    const first = this.#stillFirst() ?? earliest(this.#follower.records.values());
    if (this.#isKnown && first?.modRevision === this.#first?.modRevision) return;
    this.#first = first;
    this.#isKnown = true;
    this.#isNews = true;
    this.#wake?.();
  }

  /** New candidates stand behind all others, by keys of their own: the first is so until it goes. */
  #stillFirst(): KeyRecord | undefined {
    return this.#first && this.#follower.records.get(keyString(this.#first.key));
  }

  #finish(error: unknown): void {
    if (this.#end !== undefined) return;
    this.#end = { error };
    this.#follower.close();
    this.#signal?.removeEventListener("abort", this.#onAbort);
    this.#wake?.();
  }
}

function earliest(records: Iterable<KeyRecord>): KeyRecord | undefined {
  let first: KeyRecord | undefined;
  for (const record of records) {
    if (first === undefined || record.createRevision < first.createRevision) first = record;
  }
  return first;
}

function leaderOf({ value, createRevision, modRevision }: KeyRecord): Leader {
  return { value, token: createRevision, revision: modRevision };
}

const over: Result = { done: true, value: undefined };

function secondConsumer(): EngineError {
  return new EngineError("INVALID_REQUEST", "an observation has one consumer; observe once more");
}
