import { OrderedIndex, type RecordSource, type Slot } from "./ordered-index.js";
import { nextRecord } from "./record.js";

/**
 * The replicated data, and the only two ways to change it, each of which takes exactly one
 * revision. What a command means is said by its handler.
 */
export class KvStore {
  readonly #index = new OrderedIndex();
  #revision = 0;
  #bytes = 0;

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

  /** Sets the value of `key`. `slot` is what `find` has just returned for it. */
  write(key: string, slot: Slot | undefined, value: Uint8Array): void {
    const revision = ++this.#revision;
    if (slot === undefined) {
      this.#bytes += key.length + value.length;
      this.#index.insert(key, nextRecord(undefined, value, revision));
    } else {
      this.#bytes += value.length - slot.record.value.length;
      this.#index.replace(key, slot, nextRecord(slot.record, value, revision));
    }
  }

  /** Takes out `key`. `slot` is what `find` has just returned for it. */
  remove(key: string, slot: Slot): void {
    this.#revision++;
    this.#bytes -= key.length + slot.record.value.length;
    this.#index.remove(key);
  }

  /** The records as they are now, for ever. */
  snapshot(): RecordSource {
    return this.#index.snapshot();
  }
}
