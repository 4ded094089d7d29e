import type { TwinEvent, TwinRecord } from "../twin/twin-record.js";

/** The keys of the twin at any revision, from all its events. */
export class Past {
  readonly #byKey = new Map<string, TwinEvent[]>();

  constructor(events: readonly TwinEvent[]) {
    for (const event of events) {
      const own = this.#byKey.get(event.key);
      if (own === undefined) this.#byKey.set(event.key, [event]);
      else own.push(event);
    }
  }

  /** The records with this prefix, by key, as they were after this revision. */
  at(revision: number, prefix: string): ReadonlyMap<string, TwinRecord> {
    const found = new Map<string, TwinRecord>();
    for (const [key, events] of this.#byKey) {
      if (!key.startsWith(prefix)) continue;
      let record: TwinRecord | undefined;
      for (const event of events) if (event.revision <= revision) record = event.record;
      if (record !== undefined) found.set(key, record);
    }
    return found;
  }
}
