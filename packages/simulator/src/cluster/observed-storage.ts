import type {
  Entry,
  LogIndex,
  LogStore,
  LogStoreListener,
  LogWrite,
  OpenedStorage,
} from "@d-engine/core";
import type { NodeMirror } from "../checkers/node-mirror.js";
import type { Witness } from "../checkers/witness.js";

/**
 * Shows checkers what goes into a log and what comes back from it. Opening reads the whole log,
 * to compare it with what was durable before.
 */
export async function observeStorage(
  storage: OpenedStorage,
  mirror: NodeMirror,
  witness: Witness,
  onReadBack: () => void,
): Promise<OpenedStorage> {
  const { recovered } = storage.log;
  const entries = await readAll(storage.log);
  const mismatch = mirror.reopen(recovered.hardState, entries);
  if (mismatch !== undefined) witness.report("I7", `node ${mirror.nodeId}: ${mismatch}`);
  witness.recovered(mirror, recovered.hardState);
  const log = new ObservedLog(storage.log, mirror, witness, onReadBack);
  const { identity, snapshots } = storage;
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
  readonly #mirror: NodeMirror;
  readonly #witness: Witness;
  readonly #onReadBack: () => void;
  #started = false;

  constructor(log: LogStore, mirror: NodeMirror, witness: Witness, onReadBack: () => void) {
    this.#log = log;
    this.#onReadBack = onReadBack;
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
    this.#witness.writing(this.#mirror, write);
    this.#mirror.write(write);
    this.#log.write(write);
  }

  read(from: LogIndex, to: LogIndex, bytesMax: number): Promise<readonly Entry[]> {
    if (this.#started) this.#onReadBack();
    return this.#log.read(from, to, bytesMax);
  }

  committed(index: LogIndex): void {
    this.#log.committed?.(index);
  }

  purgePoint(upTo: LogIndex, tailBytes: number): ReturnType<LogStore["purgePoint"]> {
    return this.#log.purgePoint(upTo, tailBytes);
  }

  purge(upTo: Parameters<LogStore["purge"]>[0]): Promise<void> {
    return this.#log.purge(upTo);
  }

  close(): Promise<void> {
    return this.#log.close();
  }
}
