import type { KvRecord } from "../record.js";
import { eventBytes, type KvEvent } from "./kv-event.js";

/**
 * A part of the history, in columns and not in objects: what is kept of each of a hundred thousand
 * puts is what the collector has to carry along, and an object more for each would cost a put as
 * much again as everything else about it. Filled from the front, and never changed otherwise.
 */
export class EventChunk {
  /** How many events there are; their memory. */
  length = 0;
  bytes = 0;
  /** How many of them are deletes. */
  deletes = 0;
  readonly #revisions = new Float64Array(chunkEvents);
  readonly #deletedRevisions = new Float64Array(chunkEvents);
  readonly #keys = new Array<string>(chunkEvents);
  readonly #records = new Array<KvRecord | undefined>(chunkEvents);
  readonly #previous = new Array<KvRecord | undefined>(chunkEvents);

  get isFull(): boolean {
    return this.length === chunkEvents;
  }

  get lastRevision(): number {
    return this.#revisions[this.length - 1]!;
  }

  add(
    revision: number,
    key: string,
    record: KvRecord | undefined,
    previous: KvRecord | undefined,
    deletedRevision: number,
  ): void {
    const at = this.length++;
    this.#revisions[at] = revision;
    this.#keys[at] = key;
    this.#records[at] = record;
    this.#previous[at] = previous;
    if (deletedRevision !== 0) this.#deletedRevisions[at] = deletedRevision;
    this.bytes += eventBytes(key, previous);
    if (record === undefined) this.deletes++;
  }

  revision(at: number): number {
    return this.#revisions[at]!;
  }

  key(at: number): string {
    return this.#keys[at]!;
  }

  isDelete(at: number): boolean {
    return this.#records[at] === undefined;
  }

  eventBytes(at: number): number {
    return eventBytes(this.#keys[at]!, this.#previous[at]);
  }

  event(at: number): KvEvent {
    return {
      revision: this.#revisions[at]!,
      key: this.#keys[at]!,
      record: this.#records[at],
      previous: this.#previous[at],
      deletedRevision: this.#deletedRevisions[at]!,
    };
  }

  /** The place of the first event of `revision` or later. */
  lowerBound(revision: number): number {
    let low = 0;
    let high = this.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#revisions[middle]! < revision) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

/** Few enough that dropping and searching one is nothing, many enough that the list is short. */
export const chunkEvents = 1024;
