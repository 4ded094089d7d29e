import type { LogIndex } from "@d-engine/core";
import { type KvReader, type KvScan, readMulti, readPrefix, readValue } from "./kv-reader.js";
import type { RecordSource, RecordVisitor } from "./ordered-index.js";
import { prefixRange } from "./prefix-range.js";
import { type StateHash, stateHash } from "./state-hash.js";

/**
 * The store as it was when the view was taken. Later commands do not change it, and it needs no
 * closing; while it is referenced it keeps what has been overwritten since in memory.
 */
export class KvView implements KvReader {
  readonly revision: number;
  /** Index of the last log entry whose effect the view holds. */
  readonly lastApplied: LogIndex;
  readonly #records: RecordSource;

  constructor(records: RecordSource, revision: number, lastApplied: LogIndex) {
    this.#records = records;
    this.revision = revision;
    this.lastApplied = lastApplied;
  }

  /** How many keys there are. */
  get keys(): number {
    return this.#records.size;
  }

  get(key: Uint8Array): Uint8Array | undefined {
    return readValue(this.#records, key);
  }

  getMulti(keys: readonly Uint8Array[]): (Uint8Array | undefined)[] {
    return readMulti(this.#records, keys);
  }

  scanPrefix(prefix: Uint8Array, limit?: number, after?: Uint8Array): KvScan {
    return readPrefix(this.#records, this.revision, prefix, limit, after);
  }

  /**
   * Visits whole records in byte order of their keys, one-byte strings, from the one after `after`
   * on, until `visit` answers `false`. For snapshots, which are written piece by piece.
   */
  walk(visit: RecordVisitor, after?: string): void {
    this.#records.walk(prefixRange("", after), visit);
  }

  stateHash(): StateHash {
    return stateHash(this.#records, this.revision);
  }
}
