import {
  assertNever,
  invariant,
  type LogIndex,
  type SnapshotRecord,
  type StateRestoration,
} from "@d-engine/core";
import type { AuthState } from "../auth/auth-state.js";
import { KvStore } from "../kv-store.js";
import { LeaseRestoration } from "../leases/lease-restoration.js";
import { OrderedIndex } from "../ordered-index.js";
import type { KvRecord } from "../record.js";
import { HistoryRestoration } from "./history-restoration.js";
import type { StoredRecord } from "./store-codec.js";
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
  readonly #leases = new LeaseRestoration();
  #history: HistoryRestoration | undefined;
  #auth: AuthState | undefined;
  #oldestEventRevision = 0;
  #revision = 0;
  #bytes = 0;
  /** Keys that were written in a revision whose events are in the snapshot. */
  #writtenInHistory = 0;
  #isFinished = false;

  /** `install` makes the finished store the one in use. */
  constructor(install: (store: KvStore, lastApplied: LogIndex) => void) {
    this.#install = install;
  }

  /**
   * @throws EngineError `VERSION_MISMATCH` for what only a newer version writes,
   *   `DATA_CORRUPTION` for anything else that no store has written
   */
  add(record: SnapshotRecord): void {
    this.#checkUnfinished();
    const part = this.#reader.read(record);
    switch (part.kind) {
      case "state":
        this.#revision = part.revision;
        this.#oldestEventRevision = part.oldestEventRevision;
        this.#history = new HistoryRestoration(part, this.#index);
        return;
      case "record":
        this.#addRecord(part.key, this.#copied(part.record));
        return;
      case "event":
        this.#history?.add(part.event, (stored) => this.#copied(stored));
        return;
      case "leases":
        this.#leases.add(part.part);
        return;
      case "auth":
        return;
      case "end":
        this.#auth = part.auth;
        return;
      default:
        assertNever(part);
    }
  }

  /** @throws EngineError `DATA_CORRUPTION` when records are missing; the old state stays */
  finish(lastApplied: LogIndex): void {
    this.#checkUnfinished();
    this.#reader.checkComplete();
    const history = this.#history?.finish(this.#writtenInHistory);
    const { leases, sessions } = this.#leases.finish();
    this.#isFinished = true;
    const store = new KvStore({
      index: this.#index,
      revision: this.#revision,
      bytes: this.#bytes,
      ...(history !== undefined && { history }),
      leases,
      sessions,
      ...(this.#auth !== undefined && { auth: this.#auth }),
    });
    this.#install(store, lastApplied);
  }

  #addRecord(key: string, record: KvRecord): void {
    this.#index.insert(key, record);
    this.#bytes += key.length + record.to - record.from;
    if (record.modRevision >= this.#oldestEventRevision) this.#writtenInHistory++;
    if (record.lease !== 0) this.#leases.bind(record.lease, key);
  }

  #copied({ value, createRevision, modRevision, version, lease }: StoredRecord): KvRecord {
    this.#memory.copy(value);
    const { memory, from, to } = this.#memory;
    return { memory, from, to, createRevision, modRevision, version, lease };
  }

  /** Afterwards the index is the state in use. */
  #checkUnfinished(): void {
    invariant(!this.#isFinished, "a restoration of the store was used after its end");
  }
}
