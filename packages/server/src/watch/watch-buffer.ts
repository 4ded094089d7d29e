import type { KvEvent, KvRecord } from "@d-engine/kv";
import { Fifo } from "../driver/fifo.js";

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

/** What one watch has unread. Events of one revision come out together, or not yet (W4). */
export class WatchBuffer {
  readonly #bounds: BufferBounds;
  readonly #groups = new Fifo<Group>();
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
    const others = this.#groups.length - (this.holds(event.revision) ? 1 : 0);
    const { eventsMax, bytesMax } = this.#bounds;
    return (
      others === 0 || (this.#events < eventsMax && this.#bytes + eventBytes(event) <= bytesMax)
    );
  }

  /** Whether the newest that is here is of this revision. */
  holds(revision: number): boolean {
    return this.#groups.peekLast()?.revision === revision;
  }

  add(event: KvEvent): void {
    const bytes = eventBytes(event);
    this.#events += 1;
    this.#bytes += bytes;
    const last = this.#groups.peekLast();
    if (last?.revision === event.revision) {
      last.events.push(event);
      last.bytes += bytes;
    } else {
      this.#groups.push({ revision: event.revision, events: [event], bytes });
    }
  }

  /** The oldest revisions, as many as have `bytesMax` together, and at least one. */
  take(bytesMax: number): WatchBatch | undefined {
    const first = this.#shift();
    if (first === undefined) return undefined;
    const { events } = first;
    let { revision, bytes } = first;
    for (let next = this.#groups.peek(); next !== undefined; next = this.#groups.peek()) {
      bytes += next.bytes;
      if (bytes > bytesMax) break;
      this.#shift();
      for (const event of next.events) events.push(event);
      revision = next.revision;
    }
    return { events, revision };
  }

  clear(): void {
    this.#groups.retain(() => false);
    this.#events = 0;
    this.#bytes = 0;
  }

  #shift(): Group | undefined {
    const group = this.#groups.shift();
    if (group === undefined) return undefined;
    this.#events -= group.events.length;
    this.#bytes -= group.bytes;
    return group;
  }
}

interface Group {
  readonly revision: number;
  readonly events: KvEvent[];
  bytes: number;
}

/** What an event counts as: its bytes, and what it costs to hold or send them. */
export function eventBytes({ key, record, previous }: KvEvent): number {
  return frameBytes + key.length + valueBytes(record) + valueBytes(previous);
}

function valueBytes(record: KvRecord | undefined): number {
  return record === undefined ? 0 : record.to - record.from;
}

const frameBytes = 64;
