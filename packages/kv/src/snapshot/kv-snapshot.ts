import { Slab, Writer } from "@d-engine/codec";
import { invariant, type LogIndex, type SnapshotRecord, type StateSnapshot } from "@d-engine/core";
import type { KvView } from "../kv-view.js";
import type { KvRecord } from "../record.js";
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
  #step: "state" | "records" | "end" | "done" = "state";
  #lastKey = "";

  constructor(view: KvView) {
    this.#view = view;
    this.lastApplied = view.lastApplied;
  }

  next(bytesMax: number): readonly SnapshotRecord[] {
    const view = this.#view;
    invariant(view !== undefined, "a snapshot of the store was read after its release");
    const batch = new RecordBatch(bytesMax);
    if (this.#step === "state") {
      batch.add(Uint8Array.of(KV_NAMESPACE.state), encodeStoreState(view.revision));
      this.#step = "records";
    }
    if (this.#step === "records") this.#addRecords(view, batch);
    if (this.#step === "end" && !batch.isFull) {
      batch.add(Uint8Array.of(KV_NAMESPACE.end), encodeStoreEnd(view.keys));
      this.#step = "done";
    }
    return batch.records;
  }

  release(): void {
    this.#view = undefined;
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
    if (isLast) this.#step = "end";
  }
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
}

/** A batch of small records takes a few of these, and few allocations. */
const slabBytes = 65_536;
const noBytes = new Uint8Array(0);
/** Counts for the frame of a record and for the work that even an empty one is. */
const recordAllowance = 64;
