import {
  type Clock,
  EngineError,
  type LogId,
  type SnapshotFile,
  type SnapshotLabel,
  type SnapshotStore,
  type SnapshotWriter,
} from "@d-engine/core";
import { tableCrc32 } from "@d-engine/storage";

/** What the disk holds: what a node finds when it starts again. */
export interface SnapshotDisk {
  complete: { readonly label: SnapshotLabel; readonly bytes: Uint8Array }[];
  /** Received in part. */
  partial: { readonly label: SnapshotLabel; readonly bytes: Uint8Array } | undefined;
}

export type SnapshotOperation = "create" | "receive" | "open" | "write" | "commit" | "read";

/** Snapshots in memory. Every operation takes a turn, and fails when the test says so. */
export class ManualSnapshots implements SnapshotStore {
  /** Asked before every operation; an error makes it fail. */
  fault: (operation: SnapshotOperation) => Error | undefined = () => undefined;
  /** Writers and files that are open. */
  handles = 0;
  detached = false;
  readonly disk: SnapshotDisk;
  readonly #clock: Clock;

  constructor(disk: SnapshotDisk, clock: Clock) {
    this.disk = disk;
    this.#clock = clock;
  }

  get newest(): SnapshotLabel | undefined {
    return this.disk.complete.at(-1)?.label;
  }

  get retained(): readonly SnapshotLabel[] {
    return this.disk.complete.map(({ label }) => label);
  }

  async create(lastIncluded: LogId): Promise<SnapshotWriter> {
    await this.operate("create");
    return new ManualWriter(this, { lastIncluded });
  }

  async receive(label: SnapshotLabel): Promise<SnapshotWriter> {
    await this.operate("receive");
    const { partial } = this.disk;
    if (partial !== undefined && sameLabel(partial.label, label)) {
      return new ManualWriter(this, label, partial.bytes);
    }
    this.disk.partial = undefined;
    return new ManualWriter(this, label);
  }

  async open(lastIncluded: LogId): Promise<SnapshotFile> {
    await this.operate("open");
    const found = this.disk.complete.find(
      ({ label }) => label.lastIncluded.index === lastIncluded.index,
    );
    if (found === undefined) throw new EngineError("INVALID_REQUEST", "not retained");
    this.handles += 1;
    let open = true;
    return {
      label: found.label,
      read: async (position, length) => {
        await this.operate("read");
        return found.bytes.slice(position, position + length);
      },
      pieces: (pieceBytes) => this.#pieces(found, pieceBytes),
      close: async () => {
        if (open) this.handles -= 1;
        open = false;
      },
    };
  }

  /** A turn later, if the machine still runs then. */
  async operate(operation: SnapshotOperation): Promise<void> {
    await new Promise<void>((resolve) => this.#clock.defer(resolve));
    if (this.detached) await new Promise<never>(() => undefined);
    const error = this.fault(operation);
    if (error !== undefined) throw error;
  }

  keepPartial(label: SnapshotLabel, bytes: Uint8Array): void {
    if (!this.detached) this.disk.partial = { label, bytes };
  }

  dropPartial(): void {
    this.disk.partial = undefined;
  }

  keep(label: SnapshotLabel, bytes: Uint8Array): void {
    this.disk.partial = undefined;
    this.disk.complete.push({ label, bytes });
    this.disk.complete.sort((a, b) => a.label.lastIncluded.index - b.label.lastIncluded.index);
    this.disk.complete = this.disk.complete.slice(-2);
  }

  async *#pieces(
    { label, bytes }: SnapshotDisk["complete"][number],
    pieceBytes: number,
  ): AsyncGenerator<Uint8Array> {
    for (let at = 0; at < bytes.length; at += pieceBytes) {
      await this.operate("read");
      yield bytes.slice(at, at + pieceBytes);
    }
    if (!Buffer.from(checksumOf(bytes)).equals(label.checksum)) {
      throw new EngineError("DATA_CORRUPTION", "the snapshot is not what was written");
    }
  }
}

class ManualWriter implements SnapshotWriter {
  readonly #store: ManualSnapshots;
  /** Complete for what is received. */
  readonly #label: Pick<SnapshotLabel, "lastIncluded"> & Partial<SnapshotLabel>;
  #content: Uint8Array;
  #open = true;

  constructor(
    store: ManualSnapshots,
    label: Pick<SnapshotLabel, "lastIncluded"> & Partial<SnapshotLabel>,
    content: Uint8Array = new Uint8Array(0),
  ) {
    this.#store = store;
    this.#label = label;
    this.#content = content;
    store.handles += 1;
  }

  get bytes(): number {
    return this.#content.length;
  }

  async write(bytes: Uint8Array): Promise<void> {
    const taken = bytes.slice();
    await this.#store.operate("write");
    this.#content = new Uint8Array(Buffer.concat([this.#content, taken]));
    // What is received survives a crash as far as it came.
    const { lastIncluded, checksum, bytes: total } = this.#label;
    if (checksum === undefined || total === undefined) return;
    this.#store.keepPartial({ lastIncluded, checksum, bytes: total }, this.#content);
  }

  async commit(): Promise<SnapshotLabel> {
    await this.#store.operate("commit");
    const checksum = checksumOf(this.#content);
    const announced = this.#label.checksum;
    if (announced !== undefined && !Buffer.from(announced).equals(checksum)) {
      throw new EngineError("DATA_CORRUPTION", "the checksum is not the announced one");
    }
    const { lastIncluded } = this.#label;
    const label = { lastIncluded, checksum, bytes: this.#content.length };
    this.#store.keep(label, this.#content);
    this.#close();
    return label;
  }

  async abort(): Promise<void> {
    if (this.#open && this.#label.checksum !== undefined) this.#store.dropPartial();
    this.#close();
  }

  async suspend(): Promise<void> {
    this.#close();
  }

  #close(): void {
    if (this.#open) this.#store.handles -= 1;
    this.#open = false;
  }
}

function sameLabel(a: SnapshotLabel, b: SnapshotLabel): boolean {
  if (a.lastIncluded.index !== b.lastIncluded.index || a.bytes !== b.bytes) return false;
  return Buffer.from(a.checksum).equals(b.checksum);
}

/** 32 bytes that differ when the content does, as a rule; cheap. */
function checksumOf(bytes: Uint8Array): Uint8Array {
  const checksum = new Uint8Array(32);
  new DataView(checksum.buffer).setUint32(0, tableCrc32(bytes));
  return checksum;
}
