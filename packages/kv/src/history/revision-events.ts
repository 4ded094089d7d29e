import { chunkEvents, type EventChunk } from "./event-chunk.js";
import type { KvEvent } from "./kv-event.js";

/**
 * All events of one revision, in their order. They become objects when they are asked for: whoever
 * has use for few of them, by their keys, pays for those. Good within the call that hands it over.
 */
export interface RevisionEvents extends Iterable<KvEvent> {
  readonly revision: number;
  readonly length: number;
  /** The key of an event, a one-byte string; `at` is less than `length`. */
  key(at: number): string;
  event(at: number): KvEvent;
}

/** The events of the newest revision, read where they lie until anything is added. */
export class LatestEvents implements RevisionEvents {
  readonly revision: number;
  readonly length: number;
  readonly #chunks: readonly EventChunk[];
  /** The place of the first event, counted from the beginning of the first chunk. */
  readonly #first: number;

  /** Each chunk but the last is full, and there is an event. */
  constructor(chunks: readonly EventChunk[]) {
    this.#chunks = chunks;
    const last = chunks.length - 1;
    const end = last * chunkEvents + chunks[last]!.length;
    this.revision = chunks[last]!.lastRevision;
    let first = end - 1;
    while (
      first > 0 &&
      this.#chunk(first - 1).revision((first - 1) % chunkEvents) === this.revision
    ) {
      first--;
    }
    this.#first = first;
    this.length = end - first;
  }

  key(at: number): string {
    const place = this.#first + at;
    return this.#chunk(place).key(place % chunkEvents);
  }

  event(at: number): KvEvent {
    const place = this.#first + at;
    return this.#chunk(place).event(place % chunkEvents);
  }

  *[Symbol.iterator](): Generator<KvEvent> {
    for (let at = 0; at < this.length; at++) yield this.event(at);
  }

  #chunk(place: number): EventChunk {
    return this.#chunks[Math.floor(place / chunkEvents)]!;
  }
}
