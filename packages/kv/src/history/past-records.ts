import { invariant } from "@d-engine/core";
import type { RecordReader, RecordVisitor } from "../ordered-index.js";
import type { KeyRange } from "../prefix-range.js";
import type { KvRecord } from "../record.js";
import type { History } from "./history.js";

/**
 * The records as they were at a revision that is not compacted: those of today, walked back along
 * their events, and those of keys that are gone by now. What it costs grows with what is read and
 * with how often that was written since.
 */
export class PastRecords implements RecordReader {
  readonly #present: RecordReader;
  readonly #history: History;
  readonly #revision: number;

  constructor(present: RecordReader, history: History, revision: number) {
    this.#present = present;
    this.#history = history;
    this.#revision = revision;
  }

  get(key: string): KvRecord | undefined {
    const record = this.#present.get(key);
    if (record !== undefined) return this.#walkedBack(key, record);
    const deletedRevision = this.#history.tombstone(key);
    return deletedRevision === undefined ? undefined : this.#before(key, deletedRevision);
  }

  walk(range: KeyRange, visit: RecordVisitor): void {
    const present = (visitor: RecordVisitor) => this.#present.walk(range, visitor);
    this.#merge(present, this.#gone(range), (a, b) => a < b, visit);
  }

  walkBack(range: KeyRange, visit: RecordVisitor): void {
    const present = (visitor: RecordVisitor) => this.#present.walkBack(range, visitor);
    this.#merge(present, this.#gone(range).reverse(), (a, b) => a > b, visit);
  }

  /** Keys that are there now and keys that are not are never the same. */
  #merge(
    present: (visit: RecordVisitor) => void,
    gone: readonly (readonly [string, KvRecord])[],
    isBefore: (a: string, b: string) => boolean,
    visit: RecordVisitor,
  ): void {
    let next = 0;
    let goesOn = true;
    const visitGone = (until: string | undefined) => {
      for (; goesOn && next < gone.length; next++) {
        const [key, record] = gone[next]!;
        if (until !== undefined && !isBefore(key, until)) return;
        goesOn = visit(key, record);
      }
    };
    present((key, record) => {
      visitGone(key);
      const past = goesOn ? this.#walkedBack(key, record) : undefined;
      if (past !== undefined) goesOn = visit(key, past);
      return goesOn;
    });
    visitGone(undefined);
  }

  /** Keys of the range that were there and are not any more. */
  #gone(range: KeyRange): [string, KvRecord][] {
    const gone: [string, KvRecord][] = [];
    this.#history.walkTombstones(range, (key, revision) => {
      const record = this.#before(key, revision);
      if (record !== undefined) gone.push([key, record]);
    });
    return gone;
  }

  /** What the key held, which holds `record` now. */
  #walkedBack(key: string, record: KvRecord): KvRecord | undefined {
    return record.modRevision <= this.#revision ? record : this.#before(key, record.modRevision);
  }

  /** What the key held, which changed in the revision `changed`. */
  #before(key: string, changed: number): KvRecord | undefined {
    let revision = changed;
    while (revision > this.#revision) {
      const event = this.#history.find(revision, key);
      invariant(event !== undefined, () => `the history lacks revision ${revision} of a key`);
      const { previous, deletedRevision } = event;
      if (previous === undefined) revision = deletedRevision;
      else if (previous.modRevision <= this.#revision) return previous;
      else revision = previous.modRevision;
    }
    return undefined;
  }
}
