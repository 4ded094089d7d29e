import { Slab, Writer } from "@d-engine/codec";
import { invariant, type LogIndex, type SnapshotRecord, type StateSnapshot } from "@d-engine/core";
import { authSnapshotRecords } from "../auth/auth-snapshot.js";
import type { KvEvent } from "../history/kv-event.js";
import type { KvView } from "../kv-view.js";
import { leaseSnapshotRecords } from "../leases/lease-snapshot.js";
import type { KvRecord } from "../record.js";
import type { StoreState } from "../store-state.js";
import { storedEventSize, writeStoredEvent } from "./event-codec.js";
import { eventKeyBytes, writeEventKey } from "./event-key.js";
import { KV_NAMESPACE } from "./namespaces.js";
import {
  encodeStoreEnd,
  encodeStoreState,
  storedRecordSize,
  writeStoredRecord,
} from "./store-codec.js";

/**
 * A view of the store, read as the records of a snapshot. What `next` costs grows with what it
 * returns and with the depth of the tree, not with the size of the store.
 *
 * The records are copies, which belong to the caller.
 */
export class KvSnapshot implements StateSnapshot {
  readonly lastApplied: LogIndex;
  #view: KvView | undefined;
  #step: "state" | "records" | "events" | "leases" | "end" | "done" = "state";
  #lastKey = "";
  /** The event that comes next. */
  #revision = 0;
  #place = 0;
  /** Leases, sessions, users and roles. */
  #leases: Iterator<SnapshotRecord> | undefined;

  constructor(view: KvView) {
    this.#view = view;
    this.lastApplied = view.lastApplied;
  }

  next(bytesMax: number): readonly SnapshotRecord[] {
    const view = this.#view;
    invariant(view !== undefined, "a snapshot of the store was read after its release");
    const batch = new RecordBatch(bytesMax);
    if (this.#step === "state") this.#addState(view, batch);
    if (this.#step === "records") this.#addRecords(view, batch);
    if (this.#step === "events") this.#addEvents(view, batch);
    if (this.#step === "leases") this.#addLeases(view, batch);
    if (this.#step === "end" && !batch.isFull) {
      batch.add(Uint8Array.of(KV_NAMESPACE.end), encodeStoreEnd(view.keys));
      this.#step = "done";
    }
    return batch.records;
  }

  release(): void {
    this.#view = undefined;
    this.#leases = undefined;
  }

  #addState({ revision, state: { history } }: KvView, batch: RecordBatch): void {
    const { oldestRevision, oldestEventRevision } = history;
    const state = encodeStoreState({ revision, oldestRevision, oldestEventRevision });
    batch.add(Uint8Array.of(KV_NAMESPACE.state), state);
    this.#revision = oldestEventRevision;
    this.#step = "records";
  }

  #addRecords(view: KvView, batch: RecordBatch): void {
    let isLast = true;
    view.walk((key, record) => {
      isLast = !batch.isFull;
      if (!isLast) return false;
      batch.addRecord(key, record);
      this.#lastKey = key;
      return true;
    }, this.#lastKey);
    if (isLast) this.#step = "events";
  }

  #addEvents({ revision, state }: KvView, batch: RecordBatch): void {
    let isLast = true;
    let skipped = this.#place;
    state.history.visit(this.#revision, revision + 1, (event) => {
      // Those of the revision that the batch before ended within.
      if (skipped > 0) return skipped-- > 0;
      isLast = !batch.isFull;
      if (!isLast) return false;
      if (event.revision !== this.#revision) this.#place = 0;
      this.#revision = event.revision;
      batch.addEvent(event, this.#place++, state);
      return true;
    });
    if (isLast) this.#step = "leases";
  }

  #addLeases({ state }: KvView, batch: RecordBatch): void {
    this.#leases ??= smallRecords(state);
    while (!batch.isFull) {
      const { done, value } = this.#leases.next();
      if (done === true) {
        this.#step = "end";
        return;
      }
      batch.add(value.key, value.value);
    }
  }
}

/** What is little, and behind the keys. */
function* smallRecords({ leases, sessions, auth }: StoreState): Generator<SnapshotRecord, void> {
  yield* leaseSnapshotRecords(leases, sessions);
  yield* authSnapshotRecords(auth);
}

/** Gathers records until there are about `bytesMax` bytes of them. */
class RecordBatch {
  readonly records: SnapshotRecord[] = [];
  readonly #bytesMax: number;
  readonly #slab = new Slab(slabBytes);
  readonly #writer = new Writer(noBytes);
  #bytes = 0;

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
  }

  get isFull(): boolean {
    return this.#bytes >= this.#bytesMax && this.records.length > 0;
  }

  add(key: Uint8Array, value: Uint8Array): void {
    this.records.push({ key, value });
    this.#bytes += key.length + value.length + recordAllowance;
  }

  addRecord(key: string, record: KvRecord): void {
    const keyBytes = this.#slab.take(1 + key.length);
    keyBytes[0] = KV_NAMESPACE.record;
    for (let i = 0; i < key.length; i++) keyBytes[i + 1] = key.charCodeAt(i);
    const writer = this.#writer;
    writer.bytes = this.#slab.take(storedRecordSize(record));
    writer.position = 0;
    writeStoredRecord(writer, record);
    this.add(keyBytes, writer.finish());
  }

  /** Values that the snapshot has elsewhere are not written again. */
  addEvent(event: KvEvent, place: number, { records, history }: StoreState): void {
    const { key, record, previous, revision } = event;
    const kept = record !== undefined && records.get(key)?.modRevision === revision;
    const isSaid = previous !== undefined && previous.modRevision >= history.oldestEventRevision;
    const stored = {
      key,
      record: kept ? undefined : record,
      kept,
      previous: isSaid ? undefined : previous,
    };
    const keyBytes = this.#slab.take(eventKeyBytes);
    writeEventKey(keyBytes, revision, place);
    const writer = this.#writer;
    writer.bytes = this.#slab.take(storedEventSize(stored));
    writer.position = 0;
    writeStoredEvent(writer, stored);
    this.add(keyBytes, writer.finish());
  }
}

/** A batch of small records takes a few of these, and few allocations. */
const slabBytes = 65_536;
const noBytes = new Uint8Array(0);
/** Counts for the frame of a record and for the work that even an empty one is. */
const recordAllowance = 64;
