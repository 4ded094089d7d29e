import { History, type HistoryBounds } from "../history/history.js";
import type { OrderedIndex } from "../ordered-index.js";
import type { KvRecord } from "../record.js";
import type { StoredEvent } from "./event-codec.js";
import type { StoredRecord } from "./store-codec.js";
import { corrupt } from "./store-reader.js";

/**
 * The history that is built from the events of a snapshot, over the records that were built
 * before. What an event has found is what the one before left, so that every value is there once.
 */
export class HistoryRestoration {
  readonly history: History;
  readonly #bounds: HistoryBounds;
  readonly #index: OrderedIndex;
  /** What each key of the history held after its latest event so far. */
  readonly #latest = new Map<string, KvRecord | undefined>();

  constructor(bounds: HistoryBounds, index: OrderedIndex) {
    this.history = new History(bounds);
    this.#bounds = bounds;
    this.#index = index;
  }

  /** `copy` makes a record with memory of its own. @throws EngineError `DATA_CORRUPTION` */
  add(event: StoredEvent, copy: (stored: StoredRecord) => KvRecord): void {
    const { revision, key } = event;
    const previous = this.#previousOf(event, copy);
    const record = event.kept ? this.#index.get(key) : event.record && copy(event.record);
    if (event.kept && record === undefined) corrupt(`lacks the key of an event of ${revision}`);
    if (!follows(record, previous, revision)) {
      corrupt(`has an event of revision ${revision} that does not follow from the one before`);
    }
    this.history.add(revision, key, record, previous);
    this.#latest.set(key, record);
  }

  /** @throws EngineError `DATA_CORRUPTION` when records and events do not end alike */
  finish(writtenInHistory: number): History {
    let left = writtenInHistory;
    for (const [key, record] of this.#latest) {
      const isSame = this.#index.get(key) === record;
      if (!isSame) corrupt("has a key whose last event is not what it holds");
      if (record !== undefined) left--;
    }
    if (left !== 0) corrupt(`has ${left} keys that were written within its history by no event`);
    return this.history;
  }

  #previousOf(event: StoredEvent, copy: (stored: StoredRecord) => KvRecord): KvRecord | undefined {
    const { key, previous, revision } = event;
    if (this.#latest.has(key)) {
      if (previous === undefined) return this.#latest.get(key);
      return corrupt(`has an event of revision ${revision} that repeats the one before it`);
    }
    if (previous === undefined) return undefined;
    if (previous.modRevision < this.#bounds.oldestEventRevision) return copy(previous);
    return corrupt(`lacks the event before one of revision ${revision}`);
  }
}

function follows(
  record: KvRecord | undefined,
  previous: KvRecord | undefined,
  revision: number,
): boolean {
  if (previous !== undefined && previous.modRevision >= revision) return false;
  if (record === undefined) return previous !== undefined;
  return (
    record.modRevision === revision &&
    record.createRevision === (previous?.createRevision ?? revision) &&
    record.version === (previous?.version ?? 0) + 1
  );
}
