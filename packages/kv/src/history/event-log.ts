import type { KvRecord } from "../record.js";
import { EventChunk } from "./event-chunk.js";
import type { EventVisitor, KvEvent } from "./kv-event.js";
import { LatestEvents, type RevisionEvents } from "./revision-events.js";

/**
 * Events in the order of their revisions, in chunks: adding one costs a few stores, dropping old
 * ones costs a chunk, and a copy for a view costs the list of chunks and not the events. A chunk is
 * never changed but for the last one, to which events are added: whoever shares it asks for no
 * revision that came later.
 */
export class EventLog {
  readonly #chunks: EventChunk[] = [];
  #last: EventChunk | undefined;

  add(
    revision: number,
    key: string,
    record: KvRecord | undefined,
    previous: KvRecord | undefined,
    deletedRevision: number,
  ): void {
    let last = this.#last;
    if (last === undefined || last.isFull) {
      last = new EventChunk();
      this.#last = last;
      this.#chunks.push(last);
    }
    last.add(revision, key, record, previous, deletedRevision);
  }

  get first(): EventChunk | undefined {
    return this.#chunks[0];
  }

  /** Forgets the first chunk. Views keep it. */
  dropFirst(): void {
    this.#chunks.shift();
    if (this.#chunks.length === 0) this.#last = undefined;
  }

  /** The events of the newest revision, until one is added or dropped; there must be one. */
  latest(): RevisionEvents {
    return new LatestEvents(this.#chunks);
  }

  get lastRevision(): number | undefined {
    return this.#last?.lastRevision;
  }

  /**
   * The revision of the newest event that, with all behind it, is more than so many events or so
   * many bytes; `undefined` if all together are not. Looks into one chunk only.
   */
  excessAt(eventsMax: number, bytesMax: number): number | undefined {
    let events = eventsMax;
    let bytes = bytesMax;
    for (let at = this.#chunks.length - 1; at >= 0; at--) {
      const chunk = this.#chunks[at]!;
      if (chunk.length <= events && chunk.bytes <= bytes) {
        events -= chunk.length;
        bytes -= chunk.bytes;
        continue;
      }
      for (let i = chunk.length - 1; i >= 0; i--) {
        events--;
        bytes -= chunk.eventBytes(i);
        if (events < 0 || bytes < 0) return chunk.revision(i);
      }
    }
    return undefined;
  }

  find(revision: number, key: string): KvEvent | undefined {
    const chunks = this.#chunks;
    for (let at = chunkOf(chunks, revision); at < chunks.length; at++) {
      const chunk = chunks[at]!;
      for (let i = chunk.lowerBound(revision); i < chunk.length; i++) {
        if (chunk.revision(i) !== revision) return undefined;
        if (chunk.key(i) === key) return chunk.event(i);
      }
    }
    return undefined;
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
      const skipped = chunk.lowerBound(revision);
      if (skipped === chunk.length) continue;
      events += chunk.length - skipped;
      bytes += chunk.bytes;
      for (let i = 0; i < skipped; i++) bytes -= chunk.eventBytes(i);
    }
    return { events, bytes };
  }

  /**
   * The chunks as they are now, for ever, whatever is dropped. Events may still be added to the
   * last one.
   */
  chunks(): readonly EventChunk[] {
    return [...this.#chunks];
  }
}

/** Visits the events of the revisions [`from`, `to`). */
export function visitEvents(
  chunks: readonly EventChunk[],
  from: number,
  to: number,
  visit: EventVisitor,
): void {
  for (let at = chunkOf(chunks, from); at < chunks.length; at++) {
    const chunk = chunks[at]!;
    for (let i = chunk.lowerBound(from); i < chunk.length; i++) {
      if (chunk.revision(i) >= to || !visit(chunk.event(i))) return;
    }
  }
}

/** The first chunk that may have an event of `revision` or later. */
function chunkOf(chunks: readonly EventChunk[], revision: number): number {
  let low = 0;
  let high = chunks.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (chunks[middle]!.lastRevision < revision) low = middle + 1;
    else high = middle;
  }
  return low;
}
