import type {
  LogId,
  SnapshotFile,
  SnapshotLabel,
  SnapshotStore,
  SnapshotWriter,
} from "@d-engine/core";

export interface SnapshotWatch {
  /** One is durable under its name. */
  durable(label: SnapshotLabel): void;
  /** The receipt of one goes on where it had ended. */
  resumed(): void;
}

/** Tells of what becomes durable in a snapshot store. */
export class ObservedSnapshots implements SnapshotStore {
  readonly #store: SnapshotStore;
  readonly #watch: SnapshotWatch;

  constructor(store: SnapshotStore, watch: SnapshotWatch) {
    this.#store = store;
    this.#watch = watch;
  }

  get newest(): SnapshotLabel | undefined {
    return this.#store.newest;
  }

  get retained(): readonly SnapshotLabel[] {
    return this.#store.retained;
  }

  async create(lastIncluded: LogId): Promise<SnapshotWriter> {
    return this.#observed(await this.#store.create(lastIncluded));
  }

  async receive(label: SnapshotLabel): Promise<SnapshotWriter> {
    const writer = await this.#store.receive(label);
    if (writer.bytes > 0) this.#watch.resumed();
    return this.#observed(writer);
  }

  open(lastIncluded: LogId): Promise<SnapshotFile> {
    return this.#store.open(lastIncluded);
  }

  #observed(writer: SnapshotWriter): SnapshotWriter {
    return {
      get bytes() {
        return writer.bytes;
      },
      write: (bytes) => writer.write(bytes),
      commit: async () => {
        const label = await writer.commit();
        this.#watch.durable(label);
        return label;
      },
      abort: () => writer.abort(),
      suspend: () => writer.suspend(),
    };
  }
}
