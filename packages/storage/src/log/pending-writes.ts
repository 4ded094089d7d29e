import {
  type Entry,
  entryBytes,
  invariant,
  type LogId,
  type LogIndex,
  type LogWrite,
} from "@d-engine/core";

/**
 * Writes that are not durable yet, in the order in which they were handed over: those under way
 * and those that wait. The newest one that holds an index decides what stands there.
 */
export class PendingWrites {
  #writes: LogWrite[] = [];
  /** Last index after all of them. */
  #last: LogIndex;
  /** The newest reset among them, and how many of them come before it. */
  #reset: { readonly base: LogId; before: number } | undefined;

  constructor(last: LogIndex) {
    this.#last = last;
  }

  get length(): number {
    return this.#writes.length;
  }

  get last(): LogIndex {
    return this.#last;
  }

  /** Where the newest reset among them puts the log; nothing durable is part of it any more. */
  get resetTo(): LogId | undefined {
    return this.#reset?.base;
  }

  at(i: number): LogWrite {
    return this.#writes[i]!;
  }

  push(write: LogWrite): void {
    const before = this.#writes.at(-1);
    invariant(
      before === undefined || write.batch > before.batch,
      () => `batch ${write.batch} written after batch ${before?.batch}`,
    );
    if (write.reset !== undefined) {
      this.#reset = { base: write.reset, before: this.#writes.length };
      this.#last = write.reset.index;
    }
    const first = write.entries[0];
    if (first !== undefined) {
      invariant(first.index <= this.#last + 1, () => `gap: ${first.index} after ${this.#last}`);
      const base = this.#reset?.base.index ?? 0;
      invariant(first.index > base, () => `${first.index} written, the log was reset to ${base}`);
      this.#last = (first.index + write.entries.length - 1) as LogIndex;
    }
    this.#writes.push(write);
  }

  /** Forgets the oldest `count` writes: they are durable. */
  shift(count: number): void {
    this.#writes.splice(0, count);
    if (this.#reset === undefined) return;
    this.#reset.before -= count;
    if (this.#reset.before < 0) this.#reset = undefined;
  }

  /**
   * The lowest index that stands in a pending write and is not void; one past the end of the log
   * if none does.
   */
  firstIndex(): LogIndex {
    if (this.#reset !== undefined) return (this.#reset.base.index + 1) as LogIndex;
    let first = this.#last + 1;
    for (const write of this.#writes) {
      const entry = write.entries[0];
      if (entry !== undefined && entry.index < first) first = entry.index;
    }
    return first as LogIndex;
  }

  /** Entries `[from, to)`, all of them pending: at least one, otherwise at most `bytesMax` bytes. */
  entries(from: LogIndex, to: LogIndex, bytesMax: number): readonly Entry[] {
    const found: Entry[] = [];
    let bytes = 0;
    for (let index = from; index < to; index++) {
      const entry = this.#entryAt(index);
      bytes += entryBytes(entry);
      if (bytes > bytesMax && found.length > 0) break;
      found.push(entry);
    }
    return found;
  }

  #entryAt(index: LogIndex): Entry {
    for (let i = this.#writes.length - 1; i >= 0; i--) {
      const entries = this.#writes[i]!.entries;
      const first = entries[0]?.index;
      if (first === undefined || index < first) continue;
      const entry = entries[index - first];
      invariant(entry !== undefined, () => `entry ${index} was truncated`);
      return entry;
    }
    invariant(false, `entry ${index} is not pending`);
  }
}
