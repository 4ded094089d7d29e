import {
  type Clock,
  EngineError,
  invariant,
  type NodeIdentity,
  type OpenedStorage,
  type OpenStorageOptions,
  type StorageEngine,
} from "@d-engine/core";
import { nodeSha256 } from "../node/node-sha256.js";
import type { NewSha256 } from "../sha256.js";
import { layOver, type MemoryLogContent, newMemoryLogContent } from "./memory-log-content.js";
import { MemoryLogStore } from "./memory-log-store.js";
import {
  type MemorySnapshotContent,
  MemorySnapshotStore,
  newMemorySnapshotContent,
} from "./memory-snapshot-store.js";

export interface MemoryStorageOptions {
  /** @defaultValue that of Node */
  readonly sha256?: NewSha256;
  /**
   * Complete snapshots that are kept.
   * @defaultValue 2
   */
  readonly snapshotsKept?: number;
}

/**
 * A storage without a disk, for tests and simulation: same contract, same numbered asynchronous
 * persistence (a write is "durable" in a turn of its own), nothing survives the object. `open`
 * after `close` or `crash` finds what was persisted.
 */
export class MemoryStorage implements StorageEngine {
  readonly #clock: Clock;
  #identity: NodeIdentity | undefined;
  readonly #content: MemoryLogContent = newMemoryLogContent();
  readonly #snapshotContent: MemorySnapshotContent = newMemorySnapshotContent();
  readonly #options: Required<MemoryStorageOptions>;
  #log: MemoryLogStore | undefined;
  #snapshots: MemorySnapshotStore | undefined;

  constructor(clock: Clock, options: MemoryStorageOptions = {}) {
    this.#clock = clock;
    this.#options = { sha256: nodeSha256, snapshotsKept: 2, ...options };
  }

  /** Rejects with `DATA_DIR_LOCKED` while it is open. */
  async open(options: OpenStorageOptions): Promise<OpenedStorage> {
    if (this.#log !== undefined) {
      throw new EngineError("DATA_DIR_LOCKED", "this memory storage is open: close it first");
    }
    this.#identity ??= await options.createIdentity();
    const { sha256, snapshotsKept } = this.#options;
    const snapshots = new MemorySnapshotStore(this.#snapshotContent, sha256, snapshotsKept);
    layOver(this.#content, snapshots.newest?.lastIncluded);
    const log = new MemoryLogStore(this.#clock, this.#content);
    this.#log = log;
    this.#snapshots = snapshots;
    let closing: Promise<void> | undefined;
    const close = (): Promise<void> => {
      closing ??= log
        .close()
        .then(() => snapshots.close())
        .finally(() => this.#end(log));
      return closing;
    };
    return { identity: this.#identity, log, snapshots, close };
  }

  /** Ends the open log at once: what is not persisted is lost, nobody hears of it. */
  crash(): void {
    invariant(this.#log !== undefined, "crash of a storage that is not open");
    this.#log.crash();
    this.#snapshots?.crash();
    this.#end(this.#log);
  }

  #end(log: MemoryLogStore): void {
    if (this.#log === log) this.#log = undefined;
  }
}
