import { type EventVisitor, eventBytes, type KvEvent } from "./kv-event.js";

/**
 * Events in the order of their revisions, in chunks: adding one costs a push, dropping old ones
 * costs a chunk, and a copy for a view costs the list of chunks and not the events. A chunk is
 * never changed but for the last one, to which events are added: whoever shares it asks for no
 * revision that came later.
 */
export class EventLog {
  readonly #chunks: EventChunk[] = [];
  #last: EventChunk | undefined;

  add(event: KvEvent): void {
    let last = this.#last;
    if (last === undefined || last.events.length === chunkEvents) {
      last = { events: [], bytes: 0, deletes: 0 };
      this.#last = last;
      this.#chunks.push(last);
    }
    last.events.push(event);
    last.bytes += eventBytes(event);
    if (event.record === undefined) last.deletes++;
  }

  get first(): EventChunk | undefined {
    return this.#chunks[0];
  }

  /** Forgets the first chunk. Views keep it. */
  dropFirst(): void {
    this.#chunks.shift();
    if (this.#chunks.length === 0) this.#last = undefined;
  }

  /** Visits from the newest event back. */
  visitBack(visit: EventVisitor): void {
    for (let at = this.#chunks.length - 1; at >= 0; at--) {
      const { events } = this.#chunks[at]!;
      for (let i = events.length - 1; i >= 0; i--) if (!visit(events[i]!)) return;
    }
  }

  find(revision: number, key: string): KvEvent | undefined {
    return findEvent(this.#chunks, revision, key);
  }

  /** Visits the events of the revisions [`from`, `to`). */
  visit(from: number, to: number, visit: EventVisitor): void {
    visitEvents(this.#chunks, from, to, visit);
  }

  /** How many events there are from `revision` on, and their bytes. */
  sizeFrom(revision: number): { readonly events: number; readonly bytes: number } {
    let events = 0;
    let bytes = 0;
    for (const chunk of this.#chunks) {
      const skipped = lowerBound(chunk.events, revision);
      if (skipped === chunk.events.length) continue;
      events += chunk.events.length - skipped;
      bytes += chunk.bytes;
      for (let i = 0; i < skipped; i++) bytes -= eventBytes(chunk.events[i]!);
    }
    return { events, bytes };
  }

  /**
   * The chunks as they are now, for ever, whatever is dropped. Events may still be added to the
   * last one: whoever reads them asks for no revision that came later.
   */
  chunks(): readonly EventChunk[] {
    return [...this.#chunks];
  }
}

/** Never empty. */
export interface EventChunk {
  readonly events: KvEvent[];
  bytes: number;
  /** How many of the events are deletes. */
  deletes: number;
}

function findEvent(
  chunks: readonly EventChunk[],
  revision: number,
  key: string,
): KvEvent | undefined {
  let found: KvEvent | undefined;
  visitEvents(chunks, revision, revision + 1, (event) => {
    if (event.key === key) found = event;
    return found === undefined;
  });
  return found;
}

export function visitEvents(
  chunks: readonly EventChunk[],
  from: number,
  to: number,
  visit: EventVisitor,
): void {
  for (let at = chunkOf(chunks, from); at < chunks.length; at++) {
    const { events } = chunks[at]!;
    for (let i = lowerBound(events, from); i < events.length; i++) {
      const event = events[i]!;
      if (event.revision >= to || !visit(event)) return;
    }
  }
}

/** The first chunk that may have an event of `revision` or later. */
function chunkOf(chunks: readonly EventChunk[], revision: number): number {
  let low = 0;
  let high = chunks.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (lastRevision(chunks[middle]!) < revision) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** The place of the first event of `revision` or later. */
function lowerBound(events: readonly KvEvent[], revision: number): number {
  let low = 0;
  let high = events.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (events[middle]!.revision < revision) low = middle + 1;
    else high = middle;
  }
  return low;
}

export function lastRevision({ events }: EventChunk): number {
  return events[events.length - 1]!.revision;
}

/** Few enough that dropping and searching one is nothing, many enough that the list is short. */
export const chunkEvents = 1024;
