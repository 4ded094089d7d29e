import {
  type BatchId,
  type Clock,
  EngineError,
  type Entry,
  entryBytes,
  type HardState,
  invariant,
  LOG_ORIGIN,
  type LogId,
  type LogIndex,
  type LogStore,
  type LogStoreListener,
  type LogWrite,
  type NodeIdentity,
  type OpenedStorage,
  type OpenStorageOptions,
  type RecoveredLog,
  type StorageEngine,
} from "@d-engine/core";

/** What the disk holds: what a node finds when it starts again. */
interface Disk {
  identity: NodeIdentity | undefined;
  hardState: HardState | undefined;
  entries: Entry[];
  commitIndex: LogIndex;
}

/**
 * A disk in memory whose syncs happen when the test says so, or a turn after the write while
 * `automatic` is set. `crash` loses what was not synced.
 */
export class ManualStorage implements StorageEngine {
  /** Whether writes become durable by themselves. */
  automatic = true;
  readonly #clock: Clock;
  readonly #disk: Disk = {
    identity: undefined,
    hardState: undefined,
    entries: [],
    commitIndex: 0 as LogIndex,
  };
  #log: ManualLog | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  async open(options: OpenStorageOptions): Promise<OpenedStorage> {
    if (this.#log !== undefined) throw new EngineError("DATA_DIR_LOCKED", "in use");
    this.#disk.identity ??= await options.createIdentity();
    const log = new ManualLog(this, this.#disk, this.#clock);
    this.#log = log;
    return {
      identity: this.#disk.identity,
      log,
      close: async () => {
        await log.close();
        if (this.#log === log) this.#log = undefined;
      },
    };
  }

  /** The entries that are durable. */
  get durable(): readonly Entry[] {
    return this.#disk.entries;
  }

  /** Writes under way. */
  get unsynced(): number {
    return this.#log?.queued.length ?? 0;
  }

  get isOpen(): boolean {
    return this.#log !== undefined;
  }

  /** Syncs what was written, oldest first; `count` writes, or all. */
  sync(count = Number.POSITIVE_INFINITY): void {
    this.#log?.sync(count);
  }

  /** A sync fails. A later one may succeed again, as with a real disk that had a hiccup. */
  fail(error: Error): void {
    this.#log?.fail(error);
  }

  room(available: boolean): void {
    this.#log?.listener?.room?.(available);
  }

  /** The machine stops here: unsynced writes are gone, and nothing is heard of the log again. */
  crash(): void {
    this.#log?.detach();
    this.#log = undefined;
  }
}

class ManualLog implements LogStore {
  readonly recovered: RecoveredLog;
  readonly queued: LogWrite[] = [];
  listener: LogStoreListener | undefined;
  readonly #storage: ManualStorage;
  readonly #disk: Disk;
  readonly #clock: Clock;
  #nextBatch = 1 as BatchId;
  #detached = false;

  constructor(storage: ManualStorage, disk: Disk, clock: Clock) {
    this.#storage = storage;
    this.#disk = disk;
    this.#clock = clock;
    this.recovered = recoveredFrom(disk);
  }

  get bytes(): number {
    return this.#disk.entries.reduce((sum, entry) => sum + entryBytes(entry), 0);
  }

  start(listener: LogStoreListener): void {
    this.listener = listener;
  }

  write(write: LogWrite): void {
    invariant(write.batch === this.#nextBatch, "batches are numbered without gaps");
    this.#nextBatch = (write.batch + 1) as BatchId;
    this.queued.push(write);
    if (this.#storage.automatic) this.#clock.defer(() => this.sync(1));
  }

  sync(count: number): void {
    for (let left = count; left > 0 && !this.#detached; left -= 1) {
      const write = this.queued.shift();
      if (write === undefined) return;
      this.#keep(write);
      this.listener?.persisted(write.batch);
    }
  }

  fail(error: Error): void {
    this.listener?.failed(error);
  }

  detach(): void {
    this.#detached = true;
    this.queued.length = 0;
    this.listener = undefined;
  }

  async read(from: LogIndex, to: LogIndex, bytesMax: number): Promise<readonly Entry[]> {
    const found: Entry[] = [];
    let bytes = 0;
    for (const entry of this.#disk.entries.slice(from - 1, to - 1)) {
      bytes += entryBytes(entry);
      if (found.length > 0 && bytes > bytesMax) break;
      found.push(entry);
    }
    if (found.length > 0) return found;
    throw new EngineError("INVALID_REQUEST", `entries ${from} to ${to} are not retained`);
  }

  purgePoint(): undefined {
    return undefined;
  }

  async purge(): Promise<void> {
    throw new EngineError("UNIMPLEMENTED", "this log keeps everything");
  }

  async close(): Promise<void> {
    while (this.queued.length > 0) this.#keep(this.queued.shift() as LogWrite);
    this.#detached = true;
  }

  #keep(write: LogWrite): void {
    const { entries, hardState, commitIndex } = write;
    const first = entries[0];
    if (first !== undefined) this.#disk.entries.length = first.index - 1;
    this.#disk.entries.push(...entries);
    this.#disk.hardState = hardState ?? this.#disk.hardState;
    this.#disk.commitIndex = commitIndex;
  }
}

function recoveredFrom(disk: Disk): RecoveredLog {
  const termRuns: LogId[] = [];
  for (const { term, index } of disk.entries) {
    if (termRuns.at(-1)?.term !== term) termRuns.push({ term, index });
  }
  const last = disk.entries.at(-1);
  return {
    hardState: disk.hardState,
    base: LOG_ORIGIN,
    last: last === undefined ? LOG_ORIGIN : { term: last.term, index: last.index },
    commitIndex: disk.commitIndex,
    termRuns,
  };
}
