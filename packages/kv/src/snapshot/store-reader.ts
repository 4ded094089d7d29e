import { CodecError, keyToString, newerVersion, Reader } from "@d-engine/codec";
import { EngineError, type SnapshotRecord } from "@d-engine/core";
import { AUTH_NAMESPACE } from "../auth/auth-snapshot.js";
import { type AuthPart, AuthSnapshotReader } from "../auth/auth-snapshot-reader.js";
import type { AuthState } from "../auth/auth-state.js";
import { LEASE_NAMESPACE } from "../leases/lease-snapshot.js";
import { type LeasePart, LeaseSnapshotReader } from "../leases/lease-snapshot-reader.js";
import { readStoredEvent, type StoredEvent } from "./event-codec.js";
import { eventKeyBytes, readEventKey } from "./event-key.js";
import { KV_NAMESPACE } from "./namespaces.js";
import {
  readStoredRecord,
  readStoreEnd,
  readStoreState,
  type StoredRecord,
  type StoredState,
} from "./store-codec.js";

/** What one record of a snapshot says about the store. */
export type StorePart =
  | ({ readonly kind: "state" } & StoredState)
  /** `key` is a one-byte string. */
  | { readonly kind: "record"; readonly key: string; readonly record: StoredRecord }
  | { readonly kind: "event"; readonly event: StoredEvent }
  | { readonly kind: "leases"; readonly part: LeasePart }
  | { readonly kind: "auth"; readonly part: AuthPart }
  /** `auth`: all that there is of users and roles. */
  | { readonly kind: "end"; readonly keys: number; readonly auth: AuthState };

/**
 * Reads the records of a store's snapshot in their order, and lets nothing pass that the store
 * could not have written: whatever slipped through here would be a different state on one node.
 */
export class KvSnapshotReader {
  #state: StoredState | undefined;
  #lastNamespace = 0;
  #lastKey = "";
  #keys = 0;
  #lastEvent = { revision: 0, place: 0 };
  readonly #leases = new LeaseSnapshotReader();
  readonly #auth = new AuthSnapshotReader();
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
    if (namespace < this.#lastNamespace) corrupt("has its parts out of order");
    this.#lastNamespace = namespace;
    try {
      if (namespace === KV_NAMESPACE.record) return this.#readRecord(record);
      if (namespace === KV_NAMESPACE.event) return this.#readEvent(record);
      if (leaseNamespaces.has(namespace)) return this.#readLeases(record);
      if (authNamespaces.has(namespace)) return this.#readAuth(record);
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
    if (this.#state !== undefined) corrupt("has two states of the store");
    const state = readStoreState(value);
    const { revision, oldestRevision, oldestEventRevision } = state;
    if (oldestRevision > revision || oldestEventRevision > revision + 1) {
      corrupt(`is of revision ${revision}, with a history from ${oldestEventRevision} on`);
    }
    this.#state = state;
    this.#lastEvent = { revision: oldestEventRevision - 1, place: 0 };
    return { kind: "state", ...state };
  }

  #readRecord({ key: bytes, value }: SnapshotRecord): StorePart {
    const { revision } = this.#stateBefore();
    if (bytes.length === 1) corrupt("has an empty key in the store");
    const key = keyToString(bytes, 1);
    // An empty string comes before every key.
    if (key <= this.#lastKey) corrupt(`has its ${this.#keys + 1}. key out of order, or twice`);
    const record = readStoredRecord(new Reader(value));
    checkRevisions(record, revision, `its ${this.#keys + 1}. key`);
    this.#lastKey = key;
    this.#keys++;
    return { kind: "record", key, record };
  }

  #readEnd(value: Uint8Array): StorePart {
    const { revision } = this.#stateBefore();
    const keys = readStoreEnd(value);
    if (keys !== this.#keys) corrupt(`has ${this.#keys} keys, and says that it has ${keys}`);
    const last = this.#lastEvent.revision;
    if (last !== revision) corrupt(`has events up to ${last}, and is of revision ${revision}`);
    this.#leases.checkComplete();
    const auth = this.#auth.finish();
    this.#ended = true;
    return { kind: "end", keys, auth };
  }

  /** Every revision has an event, and its events are counted from 0. */
  #readEvent({ key, value }: SnapshotRecord): StorePart {
    const { revision: present } = this.#stateBefore();
    if (key.length !== eventKeyBytes) corrupt(`has an event with a key of ${key.length} bytes`);
    const { revision, place } = readEventKey(key);
    const last = this.#lastEvent;
    const isNext =
      revision === last.revision ? place === last.place + 1 : revision === last.revision + 1;
    if (!isNext || revision > present || (revision > last.revision && place !== 0)) {
      corrupt(
        `has event ${place} of revision ${revision} behind ${last.place} of ${last.revision}`,
      );
    }
    this.#lastEvent = { revision, place };
    const event = readStoredEvent(value, revision);
    if (event.key === "") corrupt(`has an event of an empty key in revision ${revision}`);
    for (const record of [event.record, event.previous]) {
      if (record !== undefined) checkRevisions(record, revision, `an event of ${revision}`);
    }
    return { kind: "event", event };
  }

  #readLeases(record: SnapshotRecord): StorePart {
    this.#stateBefore();
    return { kind: "leases", part: this.#leases.read(record) };
  }

  #readAuth(record: SnapshotRecord): StorePart {
    this.#stateBefore();
    return { kind: "auth", part: this.#auth.read(record) };
  }

  #stateBefore(): StoredState {
    return this.#state ?? corrupt("does not begin with the state of the store");
  }
}

const leaseNamespaces: ReadonlySet<number> = new Set(Object.values(LEASE_NAMESPACE));
const authNamespaces: ReadonlySet<number> = new Set(Object.values(AUTH_NAMESPACE));
const known: ReadonlySet<number> = new Set([
  ...Object.values(KV_NAMESPACE),
  ...leaseNamespaces,
  ...authNamespaces,
]);

/** A key was made, and then written up to `version` times, in revisions of the store. */
function checkRevisions(record: StoredRecord, storeRevision: number, place: string): void {
  const { createRevision, modRevision, version } = record;
  const writesMax = modRevision - createRevision + 1;
  const isSound =
    createRevision >= 1 && modRevision <= storeRevision && version >= 1 && version <= writesMax;
  // A key that was written once was written when it was made.
  if (isSound && (version > 1 || modRevision === createRevision)) return;
  corrupt(
    `has ${place} made in revision ${createRevision} and written in ${modRevision} as ` +
      `version ${version}, in a store of revision ${storeRevision}`,
  );
}

export function corrupt(what: string, cause?: unknown): never {
  const options = cause === undefined ? {} : { cause };
  throw new EngineError("DATA_CORRUPTION", `the snapshot of the key-value store ${what}`, options);
}

function hex(byte: number): string {
  return byte.toString(16);
}
