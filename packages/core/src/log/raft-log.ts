import { type Entry, entryBytes } from "../entry.js";
import type { LogId, LogIndex, Term } from "../ids.js";
import { invariant } from "../invariant.js";
import { TermRuns } from "./term-runs.js";

/** What a node starts from: the log as recovery found it. */
export interface RaftLogSetup {
  /** The position right before the first retained entry. */
  readonly base: LogId;
  readonly last: LogId;
  readonly termRuns: readonly LogId[];
  /** The newest entries, up to `last`; at least every entry that is not applied yet. */
  readonly tail: readonly Entry[];
}

/**
 * The replicated log as the core sees it: terms of every retained entry, and the newest entries
 * themselves. Older ones are on the disk only and come back through `Effects.readLog` (rule R7).
 * Invariant: base.index <= cachedFrom - 1 <= last.index.
 */
export class RaftLog {
  #base: LogId;
  #last: LogId;
  readonly #terms: TermRuns;
  #entries: Entry[];
  /** Entries before this position of the array are evicted and only await being spliced off. */
  #head = 0;
  #cachedFrom: LogIndex;
  #cachedBytes = 0;

  constructor(setup: RaftLogSetup) {
    this.#base = setup.base;
    this.#last = setup.last;
    this.#terms = new TermRuns(setup.termRuns);
    const { first = setup.base, last: newest = setup.base } = this.#terms;
    invariant(
      newest.term === setup.last.term && first.index === this.#firstRetained(),
      () =>
        `terms from (${first.term}, ${first.index}) to ${newest.term} do not cover the log from ` +
        `${setup.base.index + 1} to (${setup.last.term}, ${setup.last.index})`,
    );
    this.#entries = [...setup.tail];
    this.#cachedFrom = (setup.last.index - setup.tail.length + 1) as LogIndex;
    invariant(this.#cachedFrom > setup.base.index, "the cached tail reaches below the log's base");
    let expected = this.#cachedFrom as number;
    for (const entry of setup.tail) {
      invariant(
        entry.index === expected,
        () => `tail has ${entry.index} where ${expected} belongs`,
      );
      this.#cachedBytes += entryBytes(entry);
      expected++;
    }
  }

  /** Where the first run of terms must begin: behind the base, unless the log is empty. */
  #firstRetained(): number {
    return this.#last.index === this.#base.index ? this.#base.index : this.#base.index + 1;
  }

  get base(): LogId {
    return this.#base;
  }

  get last(): LogId {
    return this.#last;
  }

  get lastIndex(): LogIndex {
    return this.#last.index;
  }

  /** Where the next entry goes. */
  get nextIndex(): LogIndex {
    return (this.#last.index + 1) as LogIndex;
  }

  /** The first index whose entry is in memory; last + 1 when none is. */
  get cachedFrom(): LogIndex {
    return this.#cachedFrom;
  }

  get cachedBytes(): number {
    return this.#cachedBytes;
  }

  termAt(index: LogIndex): Term | "compacted" | "absent" {
    if (index > this.#last.index) return "absent";
    if (index < this.#base.index) return "compacted";
    if (index === this.#base.index) return this.#base.term;
    return this.#terms.runOf(index).term;
  }

  /** The first retained index of the term that stands at `index`. */
  firstIndexOfTermAt(index: LogIndex): LogIndex {
    return this.#terms.runOf(index).index;
  }

  /** The last index whose term is at most `term`; the base when there is none. */
  lastIndexUpToTerm(term: Term): LogIndex {
    return this.#terms.lastIndexUpTo(term, this.#last.index) ?? this.#base.index;
  }

  /** Appends contiguous entries behind the last one. */
  append(entries: readonly Entry[]): void {
    for (const entry of entries) {
      invariant(
        entry.index === this.#last.index + 1 && entry.term >= this.#last.term,
        () =>
          `appending (${entry.term}, ${entry.index}) behind ` +
          `(${this.#last.term}, ${this.#last.index})`,
      );
      this.#terms.append(entry.index, entry.term);
      this.#entries.push(entry);
      this.#cachedBytes += entryBytes(entry);
      this.#last = entry;
    }
    if (entries.length > 0) this.#last = { term: this.#last.term, index: this.#last.index };
  }

  /** Drops `from` and all behind it. The caller guarantees that none of it is committed. */
  truncateFrom(from: LogIndex): void {
    invariant(from > this.#base.index, () => `truncating at ${from}, base ${this.#base.index}`);
    if (from > this.#last.index) return;
    const keep = this.#head + Math.max(0, from - this.#cachedFrom);
    for (let at = keep; at < this.#entries.length; at++) {
      this.#cachedBytes -= entryBytes(this.#entries[at]!);
    }
    this.#entries.length = keep;
    if (this.#cachedFrom > from) this.#cachedFrom = from;
    this.#terms.truncateFrom(from);
    const index = (from - 1) as LogIndex;
    const term = index === this.#base.index ? this.#base.term : this.#terms.runOf(index).term;
    this.#last = { term, index };
  }

  /** Moves the base up to a retained position; an older one changes nothing. */
  compact(base: LogId): void {
    if (base.index <= this.#base.index) return;
    invariant(
      this.termAt(base.index) === base.term,
      () => `compacting to (${base.term}, ${base.index}), which is not in the log`,
    );
    while (this.#cachedFrom <= base.index) this.#dropOldest();
    this.#spliceHead();
    this.#terms.compactTo(base);
    this.#base = base;
  }

  /** Forgets everything: the log goes on behind `base`, an installed snapshot's label. */
  reset(base: LogId): void {
    this.#base = base;
    this.#last = base;
    this.#terms.reset(base);
    this.#entries = [];
    this.#head = 0;
    this.#cachedFrom = (base.index + 1) as LogIndex;
    this.#cachedBytes = 0;
  }

  /**
   * Entries `[from, to)` from memory, at most `bytesMax` bytes of them but at least one.
   * `undefined` when `from` is no longer cached.
   */
  slice(from: LogIndex, to: LogIndex, bytesMax: number): Entry[] | undefined {
    if (from < this.#cachedFrom) return undefined;
    const start = this.#head + (from - this.#cachedFrom);
    const end = Math.min(this.#entries.length, start + (to - from));
    let at = start;
    let bytes = 0;
    while (at < end) {
      bytes += entryBytes(this.#entries[at]!);
      if (bytes > bytesMax && at > start) break;
      at++;
    }
    return this.#entries.slice(start, at);
  }

  /** Forgets cached entries at or below `upTo` until the cache fits into `bytesMax`. */
  evict(upTo: LogIndex, bytesMax: number): void {
    while (this.#cachedBytes > bytesMax && this.#cachedFrom <= upTo) this.#dropOldest();
    this.#spliceHead();
  }

  #dropOldest(): void {
    this.#cachedBytes -= entryBytes(this.#entries[this.#head]!);
    this.#head++;
    this.#cachedFrom = (this.#cachedFrom + 1) as LogIndex;
  }

  /** Not at every eviction: that would move the whole array each time. */
  #spliceHead(): void {
    if (this.#head <= 1024 || this.#head * 2 <= this.#entries.length) return;
    this.#entries.splice(0, this.#head);
    this.#head = 0;
  }
}
