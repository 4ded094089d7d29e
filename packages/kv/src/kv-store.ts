import { invariant } from "@d-engine/core";
import { AuthState } from "./auth/auth-state.js";
import { History } from "./history/history.js";
import type { LeaseStore } from "./leases/lease-store.js";
import { LeaseTable } from "./leases/lease-table.js";
import { OrderedIndex, type RecordSource, type Slot } from "./ordered-index.js";
import { nextRecord, valueBytes } from "./record.js";
import { SessionTable } from "./sessions/session-table.js";
import type { StoreState } from "./store-state.js";

/** What a store begins with; it is the store's own from then on. */
export interface StoreContents {
  readonly index: OrderedIndex;
  readonly revision: number;
  /** Of all keys and values. */
  readonly bytes: number;
  readonly history: History;
  readonly leases: LeaseTable;
  readonly sessions: SessionTable;
  readonly auth: AuthState;
}

/**
 * The replicated data. A command changes keys by `set` and `remove`, as often as it needs, and
 * ends with `commit`: all its changes are of one revision. What a command means is said by its
 * handler.
 *
 * Invariant: a record with a lease is among the keys of that lease, and no other is.
 */
export class KvStore implements LeaseStore {
  readonly history: History;
  readonly leases: LeaseTable;
  readonly sessions: SessionTable;
  /** Who may do what. */
  auth: AuthState;
  readonly #index: OrderedIndex;
  #revision: number;
  #bytes: number;
  #isChanged = false;

  /** Empty, or with what a snapshot holds. */
  constructor(contents: Partial<StoreContents> = {}) {
    this.#index = contents.index ?? new OrderedIndex();
    this.#revision = contents.revision ?? 0;
    this.#bytes = contents.bytes ?? 0;
    this.history = contents.history ?? new History();
    this.leases = contents.leases ?? new LeaseTable();
    this.sessions = contents.sessions ?? new SessionTable();
    this.auth = contents.auth ?? new AuthState();
  }

  /** Grows by exactly one with each command that changes a key. */
  get revision(): number {
    return this.#revision;
  }

  /** The revision that the changes of the command so far are a part of, or the present one. */
  get nextRevision(): number {
    return this.#isChanged ? this.#revision + 1 : this.#revision;
  }

  /** Bytes of all keys and values, without what it costs to hold them. */
  get bytes(): number {
    return this.#bytes;
  }

  get records(): RecordSource {
    return this.#index;
  }

  find(key: string): Slot | undefined {
    return this.#index.find(key);
  }

  /**
   * Sets the value of `key` to the part [`from`, `to`) of `bytes`, and binds it to `lease`, which
   * exists, or with 0 to none. `slot` is what `find` has just returned for the key, which the
   * command has not changed before.
   */
  set(
    key: string,
    slot: Slot | undefined,
    bytes: Uint8Array,
    from: number,
    to: number,
    lease = 0,
  ): void {
    const revision = this.#revision + 1;
    this.#isChanged = true;
    const previous = slot?.record;
    const at = bytes.byteOffset;
    const record = nextRecord(previous, bytes.buffer, at + from, at + to, revision, lease);
    if (slot === undefined || previous === undefined) {
      this.#bytes += key.length + to - from;
      this.#index.insert(key, record);
    } else {
      invariant(previous.modRevision < revision, "a command changes a key twice");
      this.#bytes += to - from - valueBytes(previous);
      this.#index.replace(slot, record);
    }
    this.history.add(revision, slot?.key ?? key, record, previous);
    const previousLease = previous === undefined ? 0 : previous.lease;
    if (previousLease === lease) return;
    if (previousLease !== 0) this.leases.detach(previousLease, key);
    if (lease !== 0) this.leases.attach(lease, key);
  }

  /** Takes out the key of `slot`, as `find` has just returned it. Not changed before either. */
  remove({ key, record }: Slot): void {
    const revision = this.#revision + 1;
    invariant(record.modRevision < revision, "a command changes a key twice");
    this.#isChanged = true;
    this.#bytes -= key.length + valueBytes(record);
    this.#index.remove(key);
    this.history.add(revision, key, undefined, record);
    if (record.lease !== 0) this.leases.detach(record.lease, key);
  }

  /** Ends a command: if it has changed anything, that is the next revision. */
  commit(): void {
    if (this.#isChanged) this.#revision++;
    this.#isChanged = false;
  }

  removeKeys(keys: readonly string[]): void {
    for (const key of keys) {
      const slot = this.find(key);
      invariant(slot !== undefined, "removing a key that is not there");
      this.remove(slot);
    }
    this.commit();
  }

  /** The state as it is until the next command. */
  present(): StoreState {
    return {
      revision: this.#revision,
      records: this.#index,
      history: this.history,
      leases: this.leases.view(),
      sessions: this.sessions.view(),
      auth: this.auth,
    };
  }

  /** The state as it is now, for ever. */
  snapshot(): StoreState {
    return {
      ...this.present(),
      records: this.#index.snapshot(),
      history: this.history.view(),
    };
  }
}
