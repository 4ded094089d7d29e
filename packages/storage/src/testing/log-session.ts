import type {
  BatchId,
  Entry,
  HardState,
  LogIndex,
  LogStore,
  LogWrite,
  NodeId,
  NodeIdentity,
  OpenedStorage,
  OpenStorageOptions,
  Payload,
  Term,
} from "@d-engine/core";

/** What one write of a session holds besides its number. */
export type SessionWrite = Partial<Omit<LogWrite, "batch">>;

/**
 * One run of a log store as a test sees it: numbers the writes, and keeps everything that the
 * store reports.
 */
export class LogSession {
  readonly opened: OpenedStorage;
  /** Every number that was reported as persisted, in order. */
  readonly persisted: number[] = [];
  readonly failures: Error[] = [];
  readonly room: boolean[] = [];
  #batch = 0;
  #waiters: { readonly batch: number; resolve(): void; reject(error: Error): void }[] = [];

  constructor(opened: OpenedStorage) {
    this.opened = opened;
    opened.log.start({
      persisted: (batch) => this.#onPersisted(batch),
      failed: (error) => this.#onFailed(error),
      room: (available) => this.room.push(available),
    });
  }

  get log(): LogStore {
    return this.opened.log;
  }

  get persistedTo(): number {
    return this.persisted.at(-1) ?? 0;
  }

  /** Queues one write and answers with its number. */
  write(write: SessionWrite): BatchId {
    const batch = ++this.#batch as BatchId;
    const { hardState, reset, entries = [], commitIndex = 0 as LogIndex } = write;
    this.log.write({ batch, hardState, reset, entries, commitIndex });
    return batch;
  }

  /** Resolves when `batch` is durable; rejects when the store fails before. */
  until(batch: number): Promise<void> {
    if (this.persistedTo >= batch) return Promise.resolve();
    if (this.failures[0] !== undefined) return Promise.reject(this.failures[0]);
    return new Promise((resolve, reject) => {
      this.#waiters.push({ batch, resolve, reject });
    });
  }

  /** Writes, and waits until it is durable. */
  async persist(write: SessionWrite): Promise<void> {
    await this.until(this.write(write));
  }

  /** Makes a snapshot of this position, if the storage takes any: what a purge rests on. */
  async cover(index: number, term: number): Promise<void> {
    const lastIncluded = { index: index as LogIndex, term: term as Term };
    const writer = await this.opened.snapshots?.create(lastIncluded);
    await writer?.write(new TextEncoder().encode(`state at ${index}`));
    await writer?.commit();
  }

  /** Everything from `from` on, piece by piece. */
  async readAll(from = 1): Promise<readonly Entry[]> {
    const { base, last } = this.log.recovered;
    const found: Entry[] = [];
    let next = Math.max(from, base.index + 1);
    while (next <= last.index) {
      const piece = await this.log.read(next as LogIndex, (last.index + 1) as LogIndex, 1 << 20);
      found.push(...piece);
      next += piece.length;
    }
    return found;
  }

  #onPersisted(batch: BatchId): void {
    this.persisted.push(batch);
    const done = this.#waiters.filter((waiter) => waiter.batch <= batch);
    this.#waiters = this.#waiters.filter((waiter) => waiter.batch > batch);
    for (const waiter of done) waiter.resolve();
  }

  #onFailed(error: Error): void {
    this.failures.push(error);
    const waiters = this.#waiters;
    this.#waiters = [];
    for (const waiter of waiters) waiter.reject(error);
  }
}

/** A command entry with a text as its command, or with `bytes` bytes of it. */
export function commandEntry(index: number, term: number, text = `${term}:${index}`): Entry {
  return entryOf(index, term, { kind: "command", command: new TextEncoder().encode(text) });
}

export function entryOf(index: number, term: number, payload: Payload): Entry {
  return { index: index as LogIndex, term: term as Term, payload };
}

/** One entry as a text, for comparing many: vitest takes long over byte arrays. */
export function entryText({ index, term, payload }: Entry): string {
  const command = payload.kind === "command" ? payload.command : new Uint8Array(0);
  return `${term}:${index}:${payload.kind}:${new TextDecoder().decode(command)}`;
}

/** Command entries of one term, `[from, to)`. */
export function commandEntries(from: number, to: number, term = 1, text?: string): Entry[] {
  return Array.from({ length: to - from }, (_, i) => commandEntry(from + i, term, text));
}

export function hardStateOf(term: number, votedFor?: number): HardState {
  return {
    term: term as Term,
    votedFor: votedFor as NodeId | undefined,
    minElectionTimeoutMs: 1000.5,
  };
}

/** Options for opening a storage that is a node of a cluster of one. */
export function openOptions(reports: Partial<OpenStorageOptions> = {}): OpenStorageOptions {
  return { createIdentity: () => testIdentity, ...reports };
}

export const testIdentity: NodeIdentity = {
  nodeId: 1 as NodeId,
  clusterId: "0123456789abcdef0123456789abcdef",
  instanceId: "fedcba9876543210fedcba9876543210",
  bootstrap: {
    logId: { term: 0 as Term, index: 0 as LogIndex },
    members: [{ id: 1 as NodeId, address: "127.0.0.1:9081", status: "active" }],
    outgoingVoters: undefined,
  },
  joinedAt: 0 as LogIndex,
};
