import type {
  Entry,
  LogIndex,
  LogStore,
  LogStoreListener,
  LogWrite,
  OpenedStorage,
  SnapshotStore,
} from "@d-engine/core";
import type { NodeMirror } from "../checkers/node-mirror.js";
import type { Witness } from "../checkers/witness.js";
import type { CoverageName } from "./coverage.js";
import { ObservedSnapshots } from "./observed-snapshots.js";

/** Who looks at a storage. */
export interface StorageWatch {
  readonly mirror: NodeMirror;
  readonly witness: Witness;
  /** Told of each rare branch that was taken. */
  readonly seen: (branch: CoverageName) => void;
}

/**
 * Shows checkers what goes into a log and what comes back from it. Opening reads the whole log,
 * to compare it with what was durable before.
 */
export async function observeStorage(
  storage: OpenedStorage,
  { mirror, witness, seen }: StorageWatch,
): Promise<OpenedStorage> {
  const { recovered } = storage.log;
  const { hardState, base } = recovered;
  const entries = await readAll(storage.log);
  const { newest } = storage.snapshots ?? {};
  if (newest !== undefined) witness.snapshot(mirror, newest.lastIncluded);
  const snapshot = newest?.lastIncluded;
  if (snapshot !== undefined && !mirror.durable.holds(snapshot.index, snapshot.term)) {
    seen("log reset at start");
  }
  const mismatch = mirror.reopen({ hardState, base, entries, snapshot });
  if (mismatch !== undefined) witness.report("I7", `node ${mirror.nodeId}: ${mismatch}`);
  witness.recovered(mirror, hardState);
  const log = new ObservedLog(storage, { mirror, witness, seen });
  const { identity } = storage;
  const snapshots =
    storage.snapshots &&
    new ObservedSnapshots(storage.snapshots, {
      durable: ({ lastIncluded }) => {
        mirror.saved(lastIncluded);
        witness.snapshot(mirror, lastIncluded);
      },
      resumed: () => seen("snapshot resumed"),
    });
  return { identity, log, snapshots, close: () => storage.close() };
}

async function readAll(log: LogStore): Promise<readonly Entry[]> {
  const { base, last } = log.recovered;
  const entries: Entry[] = [];
  while (base.index + entries.length < last.index) {
    const from = (base.index + entries.length + 1) as LogIndex;
    entries.push(...(await log.read(from, (last.index + 1) as LogIndex, 1 << 20)));
  }
  return entries;
}

class ObservedLog implements LogStore {
  readonly #log: LogStore;
  readonly #snapshots: SnapshotStore | undefined;
  readonly #mirror: NodeMirror;
  readonly #witness: Witness;
  readonly #seen: (branch: CoverageName) => void;
  #started = false;

  constructor({ log, snapshots }: OpenedStorage, { mirror, witness, seen }: StorageWatch) {
    this.#log = log;
    this.#snapshots = snapshots;
    this.#seen = seen;
    this.#mirror = mirror;
    this.#witness = witness;
  }

  get recovered() {
    return this.#log.recovered;
  }

  get bytes(): number {
    return this.#log.bytes;
  }

  start(listener: LogStoreListener): void {
    this.#started = true;
    this.#log.start({
      persisted: (batch) => {
        this.#mirror.persisted(batch);
        listener.persisted(batch);
      },
      failed: (error) => listener.failed(error),
      room: (available) => listener.room?.(available),
    });
  }

  write(write: LogWrite): void {
    if (write.reset !== undefined) this.#seen("log reset");
    for (const { payload } of write.entries) {
      if (payload.kind !== "config") continue;
      const { change } = payload;
      // Callers of the swarm leave the status open.
      const isAutomatic = change.kind === "batchPromote" && change.status === "active";
      if (isAutomatic) this.#seen("learner promoted automatically");
    }
    this.#witness.writing(this.#mirror, write);
    this.#mirror.write(write);
    this.#log.write(write);
  }

  read(from: LogIndex, to: LogIndex, bytesMax: number): Promise<readonly Entry[]> {
    if (this.#started) this.#seen("entries read back from disk");
    return this.#log.read(from, to, bytesMax);
  }

  committed(index: LogIndex): void {
    this.#log.committed?.(index);
  }

  purgePoint(upTo: LogIndex, tailBytes: number): ReturnType<LogStore["purgePoint"]> {
    return this.#log.purgePoint(upTo, tailBytes);
  }

  purge(upTo: Parameters<LogStore["purge"]>[0]): Promise<void> {
    this.#mirror.purged(upTo);
    const covered = this.#snapshots?.newest?.lastIncluded.index ?? 0;
    if (upTo.index > covered) {
      const { nodeId } = this.#mirror;
      const message = `node ${nodeId}: purges to ${upTo.index}, its snapshot ends at ${covered}`;
      this.#witness.report("I9", message);
    }
    return this.#log.purge(upTo);
  }

  close(): Promise<void> {
    return this.#log.close();
  }
}
