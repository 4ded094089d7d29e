/**
 * What the store holds for one key, at one revision. Immutable: a write makes a new record, so
 * that whoever holds an older one (a view, a snapshot) never sees a later value (rule R16).
 */
export interface KvRecord {
  /**
   * A view of the command that wrote it, not a copy: it keeps alive the slab that the command was
   * cut from, which is 8 KiB, or the command itself when that is larger.
   */
  readonly value: Uint8Array;
  /** The store revision that made the key, after it was last absent. */
  readonly createRevision: number;
  /** The store revision that wrote this record. */
  readonly modRevision: number;
  /** Writes since the key was made, this one included: 1 for a new key. */
  readonly version: number;
  /** The lease that the key ends with; 0: none. */
  readonly lease: number;
}

/** The record that a write of `value` makes over `previous`. A plain put clears a lease. */
export function nextRecord(
  previous: KvRecord | undefined,
  value: Uint8Array,
  revision: number,
): KvRecord {
  return {
    value,
    createRevision: previous === undefined ? revision : previous.createRevision,
    modRevision: revision,
    version: previous === undefined ? 1 : previous.version + 1,
    lease: 0,
  };
}
