import { authSnapshotRecords } from "./auth/auth-snapshot.js";
import { leaseSnapshotRecords } from "./leases/lease-snapshot.js";
import { prefixRange } from "./prefix-range.js";
import { type KvRecord, recordValue } from "./record.js";
import type { StoreState } from "./store-state.js";

/** 16 hexadecimal digits. Tells accidents apart, not adversaries: no cryptographic strength. */
export type StateHash = string & { readonly brand: "StateHash" };

/**
 * A hash of the whole state: the revision, how far back the history goes and its events, in key
 * order every key with all fields of its record, the time of the machine, leases and sessions, users and roles.
 * Nodes with an equal applied index have equal hashes (invariant I12), whatever of the compacted
 * past one of them still holds in memory. Reads every byte of the store, at some nanoseconds each:
 * for tests, the simulator and consistency checks.
 */
export function stateHash(state: StoreState): StateHash {
  const hash = new TwoLaneHash();
  hash.number(state.revision);
  hash.number(state.records.size);
  state.records.walk(prefixRange(""), (key, record) => {
    addRecord(hash, key, record);
    return true;
  });
  addHistory(hash, state);
  // What a snapshot says of them is all there is.
  for (const { key, value } of leaseSnapshotRecords(state.leases, state.sessions)) {
    hash.bytes(key);
    hash.bytes(value);
  }
  for (const { key, value } of authSnapshotRecords(state.auth)) {
    hash.bytes(key);
    hash.bytes(value);
  }
  return hash.digest();
}

function addHistory(hash: TwoLaneHash, { history, revision }: StoreState): void {
  const { oldestRevision, oldestEventRevision } = history;
  hash.number(oldestRevision);
  hash.number(oldestEventRevision);
  history.visit(oldestEventRevision, revision + 1, (event) => {
    const { key, record, previous } = event;
    hash.number(event.revision);
    hash.number(event.revision);
    for (const version of [record, previous]) {
      hash.number(version === undefined ? 0 : 1);
      if (version !== undefined) addRecord(hash, key, version);
    }
    return true;
  });
}

function addRecord(hash: TwoLaneHash, key: string, record: KvRecord): void {
  hash.text(key);
  hash.bytes(recordValue(record));
  hash.number(record.createRevision);
  hash.number(record.modRevision);
  hash.number(record.version);
  hash.number(record.lease);
}

/**
 * Two 32-bit multiply-and-xor hashes with different steps, read together as 64 bits. Fields of
 * variable length are preceded by their length, so that no two states feed it the same sequence.
 */
class TwoLaneHash {
  #left = 0x811c9dc5;
  #right = 0x9e3779b9;

  number(value: number): void {
    this.#word(value | 0);
    this.#word(Math.floor(value / 2 ** 32));
  }

  text(value: string): void {
    this.number(value.length);
    for (let i = 0; i < value.length; i++) this.#word(value.charCodeAt(i));
  }

  bytes(value: Uint8Array): void {
    this.number(value.length);
    // The same as `#word` for each byte, in local variables: several times as fast.
    let left = this.#left;
    let right = this.#right;
    for (let i = 0; i < value.length; i++) {
      left = leftAfter(left, value[i]!);
      right = rightAfter(right, value[i]!);
    }
    this.#left = left;
    this.#right = right;
  }

  digest(): StateHash {
    return (hex(scrambled(this.#left)) + hex(scrambled(this.#right))) as StateHash;
  }

  #word(word: number): void {
    this.#left = leftAfter(this.#left, word);
    this.#right = rightAfter(this.#right, word);
  }
}

function leftAfter(lane: number, word: number): number {
  return Math.imul(lane ^ word, 0x01000193);
}

function rightAfter(lane: number, word: number): number {
  const product = Math.imul(lane + word, 0x85ebca6b);
  return product ^ (product >>> 15);
}

/** Spreads the last words over all bits. */
function scrambled(lane: number): number {
  const once = Math.imul(lane ^ (lane >>> 16), 0x7feb352d);
  const twice = Math.imul(once ^ (once >>> 15), 0x846ca68b);
  return twice ^ (twice >>> 16);
}

function hex(word: number): string {
  return (word >>> 0).toString(16).padStart(8, "0");
}
