import sortedBTree from "sorted-btree";
import { batchHeaderBytes, paddedEnd, type RawLog, sectorBytes } from "./raw-log.js";

const slabBytes = 1024 * 1024;
/** A burst is cut here, so that one part is on its way to the disk while the next is taken in. */
const cutBytes = 16 * 1024;

/** The value is `slab[start, start + valueBytes)`: a view of its own would cost more than the rest. */
interface Stored {
  slab: Buffer;
  start: number;
  revision: number;
}

interface Batch {
  readonly slab: Buffer;
  readonly start: number;
  /** Index of the first entry. */
  readonly first: number;
  readonly keys: readonly string[];
  readonly valueOffsets: readonly number[];
  readonly waiting: readonly ((revision: number) => void)[];
}

export interface RawLimitOptions {
  /** Of every key. */
  readonly keyBytes: number;
  /** Of every value. */
  readonly valueBytes: number;
  /**
   * Overwrites the record that map and tree share, where a key exists already, instead of setting
   * both. Less work still, and right as long as no snapshot shares the records.
   */
  readonly inPlace?: boolean;
}

/**
 * What this machine can do without an engine: the least that a durable, ordered key-value store
 * has to do for a put, and nothing else. It is the reference that the engine is measured against,
 * so it does that work on the same bytes:
 *
 * - each put becomes a log entry as on the wire, with its length before it;
 * - entries are collected in a batch with a header and CRC-32, padded to whole sectors;
 * - one asynchronous write per batch, the next batch being collected meanwhile (group commit);
 * - then every put is applied to a Map and a B+tree, and its promise is resolved.
 *
 * No term, roles, queues, limits, checks or errors: a bound, not a store. Values stay where they
 * were encoded, which a store that must give memory back could not always afford.
 */
export class RawLimit {
  readonly #log: RawLog;
  readonly #encoder: EntryEncoder;
  readonly #inPlace: boolean;
  readonly #valueBytes: number;
  readonly #map = new Map<string, Stored>();
  readonly #tree = new sortedBTree.default<string, Stored>(undefined, (a, b) =>
    a < b ? -1 : a > b ? 1 : 0,
  );

  #slab = Buffer.allocUnsafeSlow(slabBytes);
  #start = 0;
  #end = batchHeaderBytes;
  #index = 0;
  #keys: string[] = [];
  /** Where each value begins, from the start of the batch. */
  #valueOffsets: number[] = [];
  #waiting: ((revision: number) => void)[] = [];
  #writing = false;
  #flushQueued = false;

  constructor(log: RawLog, { keyBytes, valueBytes, inPlace = false }: RawLimitOptions) {
    this.#log = log;
    this.#encoder = new EntryEncoder(keyBytes, valueBytes);
    this.#inPlace = inPlace;
    this.#valueBytes = valueBytes;
  }

  get(key: string): Uint8Array | undefined {
    const stored = this.#map.get(key);
    return stored?.slab.subarray(stored.start, stored.start + this.#valueBytes);
  }

  /** Resolves with the revision once the put is durable and applied. Bytes are copied at once. */
  put(key: Uint8Array, value: Uint8Array): Promise<number> {
    if (this.#end + this.#encoder.entryBytesMax + sectorBytes > this.#slab.length) this.#renew();
    const slab = this.#slab;
    const end = this.#encoder.encode(slab, this.#end, ++this.#index, key, value);
    this.#valueOffsets.push(end - this.#valueBytes - this.#start);
    this.#keys.push(oneByteString(key));
    this.#end = end;
    const done = new Promise<number>((resolve) => this.#waiting.push(resolve));
    if (!this.#writing) {
      if (end - this.#start >= cutBytes) this.#flush();
      else this.#flushAfterThisBurst();
    }
    return done;
  }

  #flushAfterThisBurst(): void {
    if (this.#flushQueued) return;
    this.#flushQueued = true;
    queueMicrotask(() => {
      this.#flushQueued = false;
      if (!this.#writing && this.#keys.length > 0) this.#flush();
    });
  }

  /** Continues the present batch in a new slab; records point into the old one for ever. */
  #renew(): void {
    const used = this.#end - this.#start;
    const slab = Buffer.allocUnsafeSlow(Math.max(slabBytes, 2 * used));
    slab.set(this.#slab.subarray(this.#start, this.#end));
    this.#slab = slab;
    this.#start = 0;
    this.#end = used;
  }

  #flush(): void {
    const keys = this.#keys;
    const valueOffsets = this.#valueOffsets;
    const waiting = this.#waiting;
    const slab = this.#slab;
    const start = this.#start;
    const end = this.#end;
    this.#keys = [];
    this.#valueOffsets = [];
    this.#waiting = [];
    this.#start = paddedEnd(start, end);
    this.#end = this.#start + batchHeaderBytes;
    if (this.#end > slab.length) {
      this.#slab = Buffer.allocUnsafeSlow(slabBytes);
      this.#start = 0;
      this.#end = batchHeaderBytes;
    }
    this.#writing = true;
    const first = this.#index - keys.length + 1;
    this.#log.write(slab, start, end, () => {
      this.#writing = false;
      if (this.#keys.length > 0) this.#flush();
      this.#apply({ slab, start, first, keys, valueOffsets, waiting });
    });
  }

  #apply({ slab, start, first, keys, valueOffsets, waiting }: Batch): void {
    for (let at = 0; at < keys.length; at++) {
      const key = keys[at]!;
      const present = this.#inPlace ? this.#map.get(key) : undefined;
      if (present !== undefined) {
        present.slab = slab;
        present.start = start + valueOffsets[at]!;
        present.revision = first + at;
      } else {
        const stored = { slab, start: start + valueOffsets[at]!, revision: first + at };
        this.#map.set(key, stored);
        this.#tree.set(key, stored);
      }
      waiting[at]!(first + at);
    }
  }
}

/**
 * Encodes `Entry { index, term, payload: { command: WriteCommand { insert: { key, value } } } }`
 * for puts of one size: all bytes but index, key and value are the same each time.
 */
class EntryEncoder {
  readonly entryBytesMax: number;
  readonly #beforeKey: Uint8Array;
  readonly #beforeValue: Uint8Array;
  readonly #afterIndexBytes: number;

  constructor(keyBytes: number, valueBytes: number) {
    const insertBytes = field(keyBytes) + field(valueBytes);
    const commandBytes = field(insertBytes);
    const payloadBytes = field(commandBytes);
    const tag = (number: number, length: number) => [(number << 3) | 2, ...varint(length)];
    this.#beforeKey = Uint8Array.from([
      ...[0x10, 1], // term 1
      ...tag(3, payloadBytes),
      ...tag(2, commandBytes),
      ...tag(1, insertBytes),
      ...tag(1, keyBytes),
    ]);
    this.#beforeValue = Uint8Array.from(tag(2, valueBytes));
    this.#afterIndexBytes =
      this.#beforeKey.length + keyBytes + this.#beforeValue.length + valueBytes;
    this.entryBytesMax = 4 + 1 + 10 + this.#afterIndexBytes;
  }

  /** Writes length and entry to `slab` at `start`; returns where they end. */
  encode(slab: Buffer, start: number, index: number, key: Uint8Array, value: Uint8Array): number {
    let at = start + 4;
    slab[at++] = 0x08;
    let rest = index;
    while (rest > 127) {
      slab[at++] = (rest & 127) | 128;
      rest = Math.floor(rest / 128);
    }
    slab[at++] = rest;
    const length = at - start - 4 + this.#afterIndexBytes;
    slab[start] = length & 255;
    slab[start + 1] = (length >> 8) & 255;
    slab[start + 2] = (length >> 16) & 255;
    slab[start + 3] = length >> 24;
    at = copyShort(this.#beforeKey, slab, at);
    at = copyShort(key, slab, at);
    at = copyShort(this.#beforeValue, slab, at);
    slab.set(value, at);
    return at + value.length;
  }
}

/** A loop beats `set` on a handful of bytes. */
function copyShort(from: Uint8Array, to: Buffer, at: number): number {
  for (let i = 0; i < from.length; i++) to[at + i] = from[i]!;
  return at + from.length;
}

/** Bytes of a length-delimited field with a tag of one byte. */
function field(length: number): number {
  return 1 + varint(length).length + length;
}

function varint(value: number): number[] {
  return value < 128 ? [value] : [(value & 127) | 128, ...varint(value >> 7)];
}

/** One character a byte: comparing such strings compares the bytes. */
export function oneByteString(key: Uint8Array): string {
  if (key.length !== 8) return String.fromCharCode(...key);
  return String.fromCharCode(
    key[0]!,
    key[1]!,
    key[2]!,
    key[3]!,
    key[4]!,
    key[5]!,
    key[6]!,
    key[7]!,
  );
}
