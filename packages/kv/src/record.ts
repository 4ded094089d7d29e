/**
 * What the store holds for one key, at one revision. Immutable: a write makes a new record, so
 * that whoever holds an older one (a view, a snapshot) never sees a later value (rule R16).
 *
 * The value stays where it came, in the memory of the command; `recordValue` makes the array for
 * it. A record names that memory and not the array that the command came as, which is more to keep
 * than the record itself. The memory is what the command was cut from: a slab of 8 KiB, or the
 * command itself if that is larger.
 */
export interface KvRecord {
  readonly memory: ArrayBufferLike;
  /** The value is the part [`from`, `to`) of `memory`. */
  readonly from: number;
  readonly to: number;
  /** The store revision that made the key, after it was last absent. */
  readonly createRevision: number;
  /** The store revision that wrote this record. */
  readonly modRevision: number;
  /** Writes since the key was made, this one included: 1 for a new key. */
  readonly version: number;
  /** The lease that the key ends with; 0: none. */
  readonly lease: number;
}

/** The value, as a view of the state: not to be written to. */
export function recordValue(record: KvRecord): Uint8Array {
  return new Uint8Array(record.memory, record.from, record.to - record.from);
}

/** Length of the value. */
export function valueBytes(record: KvRecord): number {
  return record.to - record.from;
}

/**
 * The record that a write makes over `previous`, with the part [`from`, `to`) of `memory` as its
 * value, bound to `lease` and to no other.
 */
export function nextRecord(
  previous: KvRecord | undefined,
  memory: ArrayBufferLike,
  from: number,
  to: number,
  revision: number,
  lease: number,
): KvRecord {
  return {
    memory,
    from,
    to,
    createRevision: previous === undefined ? revision : previous.createRevision,
    modRevision: revision,
    version: previous === undefined ? 1 : previous.version + 1,
    lease,
  };
}
