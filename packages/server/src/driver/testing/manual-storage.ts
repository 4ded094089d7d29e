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
import { ManualSnapshots, type SnapshotDisk } from "./manual-snapshots.js";

/** What the disk holds: what a node finds when it starts again. */
interface Disk {
  identity: NodeIdentity | undefined;
  hardState: HardState | undefined;
  /** Right before the first entry. */
  base: LogId;
  entries: Entry[];
  commitIndex: LogIndex;
  readonly snapshots: SnapshotDisk;
}

/**
 * A disk in memory whose syncs happen when the test says so, or a turn after the write while
 * `automatic` is set. `crash` loses what was not synced.
 */
export class ManualStorage implements StorageEngine {
  /** Whether writes become durable by themselves. */
  automatic = true;
  /** Makes purges fail. */
  purgeFault: () => Error | undefined = () => undefined;
  readonly #clock: Clock;
  readonly #disk: Disk = {
    identity: undefined,
    hardState: undefined,
    base: LOG_ORIGIN,
    entries: [],
    commitIndex: 0 as LogIndex,
    snapshots: { complete: [], partial: undefined },
  };
  /** The snapshots of the open storage. */
  snapshots: ManualSnapshots;
  #log: ManualLog | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.snapshots = new ManualSnapshots(this.#disk.snapshots, clock);
  }

  async open(options: OpenStorageOptions): Promise<OpenedStorage> {
    if (this.#log !== undefined) throw new EngineError("DATA_DIR_LOCKED", "in use");
    this.#disk.identity ??= await options.createIdentity();
    layNewestSnapshot(this.#disk);
    const { fault } = this.snapshots;
    this.snapshots = new ManualSnapshots(this.#disk.snapshots, this.#clock);
    this.snapshots.fault = fault;
    const log = new ManualLog(this, this.#disk, this.#clock);
    this.#log = log;
    return {
      identity: this.#disk.identity,
      log,
      snapshots: this.snapshots,
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

  /** The position right before them. */
  get base(): LogId {
    return this.#disk.base;
  }

  /** What was received of a snapshot that is not complete. */
  get partialBytes(): number | undefined {
    return this.#disk.snapshots.partial?.bytes.length;
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
    this.snapshots.detached = true;
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
    const { base, entries } = this.#disk;
    let bytes = 0;
    const isRetained = from > base.index;
    for (const entry of isRetained
      ? entries.slice(from - base.index - 1, to - base.index - 1)
      : []) {
      bytes += entryBytes(entry);
      if (found.length > 0 && bytes > bytesMax) break;
      found.push(entry);
    }
    if (found.length > 0) return found;
    throw new EngineError("INVALID_REQUEST", `entries ${from} to ${to} are not retained`);
  }

  purgePoint(upTo: LogIndex, tailBytes: number): LogId | undefined {
    const { entries } = this.#disk;
    let kept = 0;
    let count = entries.length;
    while (count > 0 && kept < tailBytes) {
      count -= 1;
      kept += entryBytes(entries[count] as Entry);
    }
    const last = entries
      .slice(0, count)
      .filter(({ index }) => index <= upTo)
      .at(-1);
    return last === undefined ? undefined : { term: last.term, index: last.index };
  }

  async purge({ term, index }: LogId): Promise<void> {
    await new Promise<void>((resolve) => this.#clock.defer(resolve));
    if (this.#detached) return;
    const error = this.#storage.purgeFault();
    if (error !== undefined) throw error;
    this.#disk.entries = this.#disk.entries.filter((entry) => entry.index > index);
    this.#disk.base = { term, index };
  }

  async close(): Promise<void> {
    while (this.queued.length > 0) this.#keep(this.queued.shift() as LogWrite);
    this.#detached = true;
  }

  #keep(write: LogWrite): void {
    const { entries, hardState, commitIndex, reset } = write;
    if (reset !== undefined) {
      this.#disk.base = reset;
      this.#disk.entries.length = 0;
    }
    const first = entries[0];
    if (first !== undefined) this.#disk.entries.length = first.index - this.#disk.base.index - 1;
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
  const last = lastOf(disk);
  const commitIndex = Math.min(disk.commitIndex, last.index) as LogIndex;
  return { hardState: disk.hardState, base: disk.base, last, commitIndex, termRuns };
}

function lastOf({ entries, base }: Disk): LogId {
  const last = entries.at(-1);
  return last === undefined ? base : { term: last.term, index: last.index };
}

/** Rule R9: a log that holds the label's entry goes on behind it, any other begins anew there. */
function layNewestSnapshot(disk: Disk): void {
  const label = disk.snapshots.complete.at(-1)?.label.lastIncluded;
  if (label === undefined) return;
  const { base, entries } = disk;
  const at = label.index === base.index ? base : entries[label.index - base.index - 1];
  if (at?.term === label.term) return;
  disk.base = label;
  disk.entries = [];
}
