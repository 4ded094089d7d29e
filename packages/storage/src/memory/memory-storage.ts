import {
  type Clock,
  EngineError,
  invariant,
  type NodeIdentity,
  type OpenedStorage,
  type OpenStorageOptions,
  type StorageEngine,
} from "@d-engine/core";
import { type MemoryLogContent, newMemoryLogContent } from "./memory-log-content.js";
import { MemoryLogStore } from "./memory-log-store.js";

/**
 * A storage without a disk, for tests and simulation: same contract, same numbered asynchronous
 * persistence (a write is "durable" in a turn of its own), nothing survives the object. `open`
 * after `close` or `crash` finds what was persisted.
 */
export class MemoryStorage implements StorageEngine {
  readonly #clock: Clock;
  #identity: NodeIdentity | undefined;
  readonly #content: MemoryLogContent = newMemoryLogContent();
  #log: MemoryLogStore | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Rejects with `DATA_DIR_LOCKED` while it is open. */
  async open(options: OpenStorageOptions): Promise<OpenedStorage> {
    if (this.#log !== undefined) {
      throw new EngineError("DATA_DIR_LOCKED", "this memory storage is open: close it first");
    }
    this.#identity ??= await options.createIdentity();
    const log = new MemoryLogStore(this.#clock, this.#content);
    this.#log = log;
    let closing: Promise<void> | undefined;
    const close = (): Promise<void> => {
      closing ??= log.close().finally(() => this.#end(log));
      return closing;
    };
    return { identity: this.#identity, log, close };
  }

  /** Ends the open log at once: what is not persisted is lost, nobody hears of it. */
  crash(): void {
    invariant(this.#log !== undefined, "crash of a storage that is not open");
    this.#log.crash();
    this.#end(this.#log);
  }

  #end(log: MemoryLogStore): void {
    if (this.#log === log) this.#log = undefined;
  }
}
