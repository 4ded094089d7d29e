import { type KvRecord, nextRecord } from "../record.js";
import { eventBytes, type KvEvent } from "./kv-event.js";

/**
 * A part of the history, in rows of two arrays and not in objects: what is kept of each of a
 * hundred thousand puts is what the collector has to carry along, and one object for each would
 * cost a put as much again as everything else about it. So the records, too, are taken apart, and
 * made again when an event is asked for; of a value the memory that it lies in is kept, which it
 * shares with others.
 *
 * What a key held afterwards follows from what it held before (`nextRecord`), but for its value and
 * its lease. Filled from the front, and never changed otherwise.
 */
export class EventChunk {
  /** How many events there are; their memory. */
  length = 0;
  bytes = 0;
  /** How many of them are deletes. */
  deletes = 0;
  /** A row of these is one line of a processor's cache. */
  readonly #numbers = new Float64Array(chunkEvents * numbersPerEvent);
  readonly #references = new Array<Reference>(chunkEvents * referencesPerEvent);
  /** Of values and of those before them. Most chunks have none. */
  #leases: Float64Array | undefined;

  get isFull(): boolean {
    return this.length === chunkEvents;
  }

  get lastRevision(): number {
    return this.revision(this.length - 1);
  }

  add(
    revision: number,
    key: string,
    record: KvRecord | undefined,
    previous: KvRecord | undefined,
    deletedRevision: number,
  ): void {
    const at = this.length++;
    const row = at * numbersPerEvent;
    const numbers = this.#numbers;
    const references = this.#references;
    numbers[row] = revision;
    references[at * referencesPerEvent] = key;
    if (record === undefined) {
      this.deletes++;
    } else {
      references[at * referencesPerEvent + 1] = record.memory;
      numbers[row + 1] = record.from;
      numbers[row + 2] = record.to;
      if (record.lease !== 0) this.#setLease(2 * at, record.lease);
    }
    if (previous === undefined) {
      numbers[row + 5] = deletedRevision;
    } else {
      references[at * referencesPerEvent + 2] = previous.memory;
      numbers[row + 3] = previous.from;
      numbers[row + 4] = previous.to;
      numbers[row + 5] = previous.modRevision;
      numbers[row + 6] = previous.createRevision;
      numbers[row + 7] = previous.version;
      if (previous.lease !== 0) this.#setLease(2 * at + 1, previous.lease);
    }
    this.bytes += this.eventBytes(at);
  }

  revision(at: number): number {
    return this.#numbers[at * numbersPerEvent]!;
  }

  key(at: number): string {
    return this.#references[at * referencesPerEvent] as string;
  }

  isDelete(at: number): boolean {
    return this.#references[at * referencesPerEvent + 1] === undefined;
  }

  eventBytes(at: number): number {
    const row = at * numbersPerEvent;
    const previousBytes = this.#numbers[row + 4]! - this.#numbers[row + 3]!;
    return eventBytes(this.key(at).length, previousBytes);
  }

  event(at: number): KvEvent {
    const row = at * numbersPerEvent;
    const numbers = this.#numbers;
    const revision = numbers[row]!;
    const memory = this.#references[at * referencesPerEvent + 1] as Memory;
    const previous = this.#previous(at);
    const record =
      memory &&
      nextRecord(
        previous,
        memory,
        numbers[row + 1]!,
        numbers[row + 2]!,
        revision,
        this.#lease(2 * at),
      );
    const deletedRevision = previous === undefined ? numbers[row + 5]! : 0;
    return { revision, key: this.key(at), record, previous, deletedRevision };
  }

  /** The place of the first event of `revision` or later. */
  lowerBound(revision: number): number {
    let low = 0;
    let high = this.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.revision(middle) < revision) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  #previous(at: number): KvRecord | undefined {
    const memory = this.#references[at * referencesPerEvent + 2] as Memory;
    if (memory === undefined) return undefined;
    const row = at * numbersPerEvent;
    const numbers = this.#numbers;
    return {
      memory,
      from: numbers[row + 3]!,
      to: numbers[row + 4]!,
      createRevision: numbers[row + 6]!,
      modRevision: numbers[row + 5]!,
      version: numbers[row + 7]!,
      lease: this.#lease(2 * at + 1),
    };
  }

  #lease(at: number): number {
    return this.#leases === undefined ? 0 : this.#leases[at]!;
  }

  #setLease(at: number, lease: number): void {
    this.#leases ??= new Float64Array(2 * chunkEvents);
    this.#leases[at] = lease;
  }
}

/** Of a deleted key, or one that was made, there is none. */
type Memory = ArrayBufferLike | undefined;
/** The key, the memory of the value, and that of the value before. */
type Reference = string | Memory;
const referencesPerEvent = 3;

/**
 * The revision; where the value begins and ends; where the one before begins and ends; the
 * revisions that wrote and made that, and its version. Of a key that is made, the revision that
 * deleted it stands for the one that wrote the value before.
 */
const numbersPerEvent = 8;

/** Few enough that dropping and searching one is nothing, many enough that the list is short. */
export const chunkEvents = 1024;
