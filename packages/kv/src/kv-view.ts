import type { LogIndex } from "@d-engine/core";
import { type KvReader, type KvScan, readMulti, readPrefix, readValue } from "./kv-reader.js";
import type { RecordVisitor } from "./ordered-index.js";
import { prefixRange } from "./prefix-range.js";
import { type StateHash, stateHash } from "./state-hash.js";
import type { StoreState } from "./store-state.js";

/**
 * The store as it was when the view was taken. Later commands do not change it, and it needs no
 * closing; while it is referenced it keeps what has been overwritten since in memory.
 */
export class KvView implements KvReader {
  readonly revision: number;
  /** Index of the last log entry whose effect the view holds. */
  readonly lastApplied: LogIndex;
  readonly #state: StoreState;

  constructor(state: StoreState, lastApplied: LogIndex) {
    this.#state = state;
    this.revision = state.revision;
    this.lastApplied = lastApplied;
  }

  /** All that the view is of: records, history, leases, sessions. */
  get state(): StoreState {
    return this.#state;
  }

  /** How many keys there are. */
  get keys(): number {
    return this.#state.records.size;
  }

  get(key: Uint8Array): Uint8Array | undefined {
    return readValue(this.#state.records, key);
  }

  getMulti(keys: readonly Uint8Array[]): (Uint8Array | undefined)[] {
    return readMulti(this.#state.records, keys);
  }

  scanPrefix(prefix: Uint8Array, limit?: number, after?: Uint8Array): KvScan {
    return readPrefix(this.#state.records, this.revision, prefix, limit, after);
  }

  /**
   * Visits whole records in byte order of their keys, one-byte strings, from the one after `after`
   * on, until `visit` answers `false`. For snapshots, which are written piece by piece.
   */
  walk(visit: RecordVisitor, after?: string): void {
    this.#state.records.walk(prefixRange("", after), visit);
  }

  stateHash(): StateHash {
    return stateHash(this.#state);
  }
}
