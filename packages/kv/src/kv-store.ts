import { OrderedIndex, type RecordSource, type Slot } from "./ordered-index.js";
import { nextRecord, valueBytes } from "./record.js";

/**
 * The replicated data, and the only two ways to change it, each of which takes exactly one
 * revision. What a command means is said by its handler.
 */
export class KvStore {
  readonly #index: OrderedIndex;
  #revision: number;
  #bytes: number;

  /** Empty, or over records of which `revision` and `bytes` are told; they are its own from now. */
  constructor(index: OrderedIndex = new OrderedIndex(), revision = 0, bytes = 0) {
    this.#index = index;
    this.#revision = revision;
    this.#bytes = bytes;
  }

  /** Grows by exactly one with each change. */
  get revision(): number {
    return this.#revision;
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
   * Sets the value of `key` to the part [`from`, `to`) of `bytes`. `slot` is what `find` has just
   * returned for the key.
   */
  write(key: string, slot: Slot | undefined, bytes: Uint8Array, from: number, to: number): void {
    const revision = ++this.#revision;
    const previous = slot?.record;
    const record = nextRecord(previous, bytes, from, to, revision);
    if (slot === undefined || previous === undefined) {
      this.#bytes += key.length + to - from;
      this.#index.insert(key, record);
    } else {
      this.#bytes += to - from - valueBytes(previous);
      this.#index.replace(slot, record);
    }
  }

  /** Takes out `key`. `slot` is what `find` has just returned for it. */
  remove(key: string, slot: Slot): void {
    this.#revision++;
    this.#bytes -= key.length + valueBytes(slot.record);
    this.#index.remove(key);
  }

  /** The records as they are now, for ever. */
  snapshot(): RecordSource {
    return this.#index.snapshot();
  }
}
