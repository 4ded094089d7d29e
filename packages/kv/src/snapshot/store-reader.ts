import { CodecError, keyToString, newerVersion } from "@d-engine/codec";
import { EngineError, type SnapshotRecord } from "@d-engine/core";
import { KV_NAMESPACE } from "./namespaces.js";
import {
  readStoredRecord,
  readStoreEnd,
  readStoreState,
  type StoredRecord,
} from "./store-codec.js";

/** What one record of a snapshot says about the store. */
export type StorePart =
  | { readonly kind: "state"; readonly revision: number }
  /** `key` is a one-byte string. */
  | { readonly kind: "record"; readonly key: string; readonly record: StoredRecord }
  | { readonly kind: "end"; readonly keys: number };

/**
 * Reads the records of a store's snapshot in their order, and lets nothing pass that the store
 * could not have written: whatever slipped through here would be a different state on one node.
 */
export class KvSnapshotReader {
  #revision: number | undefined;
  #lastKey = "";
  #keys = 0;
  #ended = false;

  /**
   * Reads the next record. The value of a key is a view of it.
   *
   * @throws EngineError `VERSION_MISMATCH` for what only a newer version writes, `DATA_CORRUPTION`
   *   for anything else that no store has written
   */
  read(record: SnapshotRecord): StorePart {
    const namespace = record.key[0];
    if (namespace === undefined) corrupt("has a record with an empty key");
    if (!known.has(namespace)) {
      throw newerVersion(`the snapshot has a record of namespace 0x${hex(namespace)}`);
    }
    if (this.#ended) corrupt("goes on behind its end");
    try {
      if (namespace === KV_NAMESPACE.record) return this.#readRecord(record);
      if (record.key.length > 1) corrupt(`has a key that goes on behind 0x${hex(namespace)}`);
      if (namespace === KV_NAMESPACE.state) return this.#readState(record.value);
      return this.#readEnd(record.value);
    } catch (cause) {
      if (!(cause instanceof CodecError)) throw cause;
      return corrupt(`cannot be read: ${cause.message}`, cause);
    }
  }

  /** @throws EngineError `DATA_CORRUPTION` when the end is missing */
  checkComplete(): void {
    if (!this.#ended) corrupt(`ends after ${this.#keys} keys, without its end: it was cut short`);
  }

  #readState(value: Uint8Array): StorePart {
    if (this.#revision !== undefined) corrupt("has two states of the store");
    const revision = readStoreState(value);
    this.#revision = revision;
    return { kind: "state", revision };
  }

  #readRecord({ key: bytes, value }: SnapshotRecord): StorePart {
    const revision = this.#stateRevision();
    if (bytes.length === 1) corrupt("has an empty key in the store");
    const key = keyToString(bytes, 1);
    // An empty string comes before every key.
    if (key <= this.#lastKey) corrupt(`has its ${this.#keys + 1}. key out of order, or twice`);
    const record = readStoredRecord(value);
    checkRevisions(record, revision, this.#keys + 1);
    this.#lastKey = key;
    this.#keys++;
    return { kind: "record", key, record };
  }

  #readEnd(value: Uint8Array): StorePart {
    this.#stateRevision();
    const keys = readStoreEnd(value);
    if (keys !== this.#keys) corrupt(`has ${this.#keys} keys, and says that it has ${keys}`);
    this.#ended = true;
    return { kind: "end", keys };
  }

  #stateRevision(): number {
    return this.#revision ?? corrupt("does not begin with the state of the store");
  }
}

const known: ReadonlySet<number> = new Set(Object.values(KV_NAMESPACE));

/** A key was made, and then written up to `version` times, in revisions of the store. */
function checkRevisions(record: StoredRecord, storeRevision: number, ordinal: number): void {
  const { createRevision, modRevision, version } = record;
  const writesMax = modRevision - createRevision + 1;
  const isSound =
    createRevision >= 1 && modRevision <= storeRevision && version >= 1 && version <= writesMax;
  // A key that was written once was written when it was made.
  if (isSound && (version > 1 || modRevision === createRevision)) return;
  corrupt(
    `has its ${ordinal}. key made in revision ${createRevision} and written in ${modRevision} as ` +
      `version ${version}, in a store of revision ${storeRevision}`,
  );
}

function corrupt(what: string, cause?: unknown): never {
  const options = cause === undefined ? {} : { cause };
  throw new EngineError("DATA_CORRUPTION", `the snapshot of the key-value store ${what}`, options);
}

function hex(byte: number): string {
  return byte.toString(16);
}
