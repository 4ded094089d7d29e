import type { EventVisitor, KvEvent, KvRecord, RevisionEvents } from "@d-engine/kv";
import type { WatchSource } from "../watch-source.js";

/** A change of one key: `undefined` deletes it. */
export type Change = readonly [key: string, value: string | undefined];

/** The plainest store with a history: a list of events, of which the old ones can be cut off. */
export class EventLog implements WatchSource {
  revision = 0;
  oldestEventRevision = 1;
  onEvents: ((events: RevisionEvents) => void) | undefined;
  onReplaced: (() => void) | undefined;
  /** Every event that there was, compacted ones too. */
  readonly all: KvEvent[] = [];
  /** How many events were walked over. */
  visited = 0;
  readonly #records = new Map<string, KvRecord>();

  /** Changes several keys by one command. */
  change(...changes: readonly Change[]): readonly KvEvent[] {
    const events = this.#append(changes);
    if (events.length > 0) this.onEvents?.(eventsOfRevision(this.revision, events));
    return events;
  }

  put(key: string, value = ""): void {
    this.change([key, value]);
  }

  delete(key: string): void {
    this.change([key, undefined]);
  }

  compact(revision: number): void {
    this.oldestEventRevision = revision;
  }

  /** Another state takes over: one that is ahead by these commands, whose history begins there. */
  install(commands: readonly (readonly Change[])[], oldest = this.oldestEventRevision): void {
    for (const changes of commands) this.#append(changes);
    this.oldestEventRevision = oldest;
    this.onReplaced?.();
  }

  events(from: number, to: number | undefined, visit: EventVisitor): void {
    for (const event of this.all) {
      if (event.revision < Math.max(from, this.oldestEventRevision)) continue;
      if (to !== undefined && event.revision >= to) return;
      this.visited += 1;
      if (!visit(event)) return;
    }
  }

  #append(changes: readonly Change[]): readonly KvEvent[] {
    const revision = this.revision + 1;
    const events = changes.flatMap(([key, value]) => {
      const previous = this.#records.get(key);
      if (value === undefined && previous === undefined) return [];
      const record = value === undefined ? undefined : recordOf(value, revision, previous);
      if (record === undefined) this.#records.delete(key);
      else this.#records.set(key, record);
      return [{ revision, key, record, previous, deletedRevision: 0 }];
    });
    if (events.length > 0) this.revision = revision;
    this.all.push(...events);
    return events;
  }
}

function eventsOfRevision(revision: number, events: readonly KvEvent[]): RevisionEvents {
  return {
    revision,
    length: events.length,
    key: (at) => events[at]!.key,
    event: (at) => events[at]!,
    [Symbol.iterator]: () => events[Symbol.iterator](),
  };
}

function recordOf(value: string, revision: number, previous: KvRecord | undefined): KvRecord {
  const bytes = new TextEncoder().encode(value);
  return {
    memory: bytes.buffer,
    from: bytes.byteOffset,
    to: bytes.byteOffset + bytes.length,
    createRevision: previous?.createRevision ?? revision,
    modRevision: revision,
    version: (previous?.version ?? 0) + 1,
    lease: 0,
  };
}
