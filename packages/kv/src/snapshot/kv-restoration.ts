import { newerVersion } from "@d-engine/codec";
import {
  assertNever,
  invariant,
  type LogIndex,
  type SnapshotRecord,
  type StateRestoration,
} from "@d-engine/core";
import { KvStore } from "../kv-store.js";
import { OrderedIndex } from "../ordered-index.js";
import { KvSnapshotReader } from "./store-reader.js";
import { ValueMemory } from "./value-memory.js";

/**
 * A store that is built from a snapshot beside the one in use. Each record costs what an insert
 * costs; its bytes are copied.
 */
export class KvRestoration implements StateRestoration {
  readonly #install: (store: KvStore, lastApplied: LogIndex) => void;
  readonly #reader = new KvSnapshotReader();
  readonly #index = new OrderedIndex();
  readonly #memory = new ValueMemory();
  #revision = 0;
  #bytes = 0;
  #isFinished = false;

  /** `install` makes the finished store the one in use. */
  constructor(install: (store: KvStore, lastApplied: LogIndex) => void) {
    this.#install = install;
  }

  /**
   * @throws EngineError `VERSION_MISMATCH` for what only a newer version writes, a lease among it,
   *   `DATA_CORRUPTION` for anything else that no store has written
   */
  add(record: SnapshotRecord): void {
    this.#checkUnfinished();
    const part = this.#reader.read(record);
    switch (part.kind) {
      case "state":
        this.#revision = part.revision;
        return;
      case "record": {
        const { key, record: stored } = part;
        const { createRevision, modRevision, version, lease } = stored;
        // Without its lease the key would live for ever.
        if (lease !== 0) throw newerVersion("the snapshot has a key that ends with a lease");
        const memory = this.#memory;
        memory.copy(stored.value);
        const { bytes, from, to } = memory;
        this.#index.insert(key, { bytes, from, to, createRevision, modRevision, version, lease });
        this.#bytes += key.length + to - from;
        return;
      }
      case "end":
        return;
      default:
        assertNever(part);
    }
  }

  /** @throws EngineError `DATA_CORRUPTION` when records are missing; the old state stays */
  finish(lastApplied: LogIndex): void {
    this.#checkUnfinished();
    this.#reader.checkComplete();
    this.#isFinished = true;
    this.#install(new KvStore(this.#index, this.#revision, this.#bytes), lastApplied);
  }

  /** Afterwards the index is the state in use. */
  #checkUnfinished(): void {
    invariant(!this.#isFinished, "a restoration of the store was used after its end");
  }
}
