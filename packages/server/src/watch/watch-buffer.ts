import type { KvEvent, KvRecord } from "@d-engine/kv";

/** Whole revisions, oldest first. */
export interface WatchBatch {
  readonly events: readonly KvEvent[];
  /** Of the last event. */
  readonly revision: number;
}

export interface BufferBounds {
  readonly eventsMax: number;
  readonly bytesMax: number;
}

/**
 * What one watch has unread. Events of one revision come out together, or not yet (W4). A chain
 * and not an array: nearly all of many thousand buffers are empty at any moment.
 */
export class WatchBuffer {
  readonly #bounds: BufferBounds;
  #oldest: Group | undefined;
  #newest: Group | undefined;
  #events = 0;
  #bytes = 0;

  constructor(bounds: BufferBounds) {
    this.#bounds = bounds;
  }

  /** Whether so much waits that the history had better be read later. */
  get isHalfFull(): boolean {
    const { eventsMax, bytesMax } = this.#bounds;
    return 2 * this.#events >= eventsMax || 2 * this.#bytes >= bytesMax;
  }

  /**
   * Whether there is room for the event. The first revision always has some: a watch that goes on
   * behind an overflow gets past it, however large it is.
   */
  hasRoomFor(event: KvEvent): boolean {
    const isAlone = this.#oldest === this.#newest && this.holds(event.revision);
    if (isAlone || this.#oldest === undefined) return true;
    const { eventsMax, bytesMax } = this.#bounds;
    return this.#events < eventsMax && this.#bytes + eventBytes(event) <= bytesMax;
  }

  /** Whether the newest that is here is of this revision. */
  holds(revision: number): boolean {
    return this.#newest?.revision === revision;
  }

  add(event: KvEvent): void {
    const bytes = eventBytes(event);
    this.#events += 1;
    this.#bytes += bytes;
    const newest = this.#newest;
    if (newest?.revision === event.revision) {
      newest.events.push(event);
      newest.bytes += bytes;
      return;
    }
    const group = { revision: event.revision, events: [event], bytes, next: undefined };
    if (newest === undefined) this.#oldest = group;
    else newest.next = group;
    this.#newest = group;
  }

  /** The oldest revisions, as many as have `bytesMax` together, and at least one. */
  take(bytesMax: number): WatchBatch | undefined {
    const first = this.#shift();
    if (first === undefined) return undefined;
    const { events } = first;
    let { revision, bytes } = first;
    for (let next = this.#oldest; next !== undefined; next = this.#oldest) {
      bytes += next.bytes;
      if (bytes > bytesMax) break;
      this.#shift();
      for (const event of next.events) events.push(event);
      revision = next.revision;
    }
    return { events, revision };
  }

  clear(): void {
    this.#oldest = undefined;
    this.#newest = undefined;
    this.#events = 0;
    this.#bytes = 0;
  }

  #shift(): Group | undefined {
    const group = this.#oldest;
    if (group === undefined) return undefined;
    this.#oldest = group.next;
    if (group.next === undefined) this.#newest = undefined;
    this.#events -= group.events.length;
    this.#bytes -= group.bytes;
    return group;
  }
}

interface Group {
  readonly revision: number;
  readonly events: KvEvent[];
  bytes: number;
  next: Group | undefined;
}

/** What an event counts as: its bytes, and what it costs to hold or send them. */
export function eventBytes({ key, record, previous }: KvEvent): number {
  return frameBytes + key.length + valueBytes(record) + valueBytes(previous);
}

function valueBytes(record: KvRecord | undefined): number {
  return record === undefined ? 0 : record.to - record.from;
}

const frameBytes = 64;
