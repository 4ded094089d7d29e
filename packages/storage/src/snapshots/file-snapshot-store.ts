import type {
  LogId,
  SnapshotFile,
  SnapshotLabel,
  SnapshotStore,
  SnapshotWriter,
} from "@d-engine/core";
import { naming } from "../storage-errors.js";
import { FileSnapshot } from "./file-snapshot.js";
import { FileSnapshotWriter, type WriterTarget } from "./file-snapshot-writer.js";
import { findSnapshots } from "./find-snapshots.js";
import { openPartial } from "./partial-file.js";
import { sameLabel } from "./same-label.js";
import { removeFile, SnapshotCatalog } from "./snapshot-catalog.js";
import { PIECE_BYTES, type SnapshotContext } from "./snapshot-context.js";
import { notRetained, storeClosed } from "./snapshot-errors.js";
import { markName, partialName, snapshotName, temporaryName } from "./snapshot-name.js";

/**
 * Snapshots as files of a directory of their own (names and what a crash leaves:
 * `snapshot-name.ts`). Opened by `openSnapshotStore`.
 */
export class FileSnapshotStore implements SnapshotStore {
  readonly #context: SnapshotContext;
  readonly #catalog: SnapshotCatalog;
  readonly #writers = new Set<FileSnapshotWriter>();
  readonly #files = new Set<FileSnapshot>();
  /** The one partial snapshot on the disk, and who writes it. */
  #partial: SnapshotLabel | undefined;
  #receiver: FileSnapshotWriter | undefined;
  #receiving: Promise<unknown> = Promise.resolve();
  #attempts = 0;
  #closing: Promise<void> | undefined;

  constructor(
    context: SnapshotContext,
    catalog: SnapshotCatalog,
    partial: SnapshotLabel | undefined,
  ) {
    this.#context = context;
    this.#catalog = catalog;
    this.#partial = partial;
  }

  get newest(): SnapshotLabel | undefined {
    return this.#catalog.newest;
  }

  get retained(): readonly SnapshotLabel[] {
    return this.#catalog.retained;
  }

  async create(lastIncluded: LogId): Promise<SnapshotWriter> {
    this.#checkOpen();
    const { directory, fileSystem, sha256 } = this.#context;
    const path = `${directory}/${temporaryName(lastIncluded, ++this.#attempts)}`;
    const file = await naming("writing", path, () =>
      this.#catalog.withRoom(() => fileSystem.open(path, { access: "create", durable: false })),
    );
    const received = undefined;
    return this.#writer({ path, file, lastIncluded, bytes: 0, hash: sha256(), received });
  }

  receive(label: SnapshotLabel): Promise<SnapshotWriter> {
    const result = this.#receiving.then(() => this.#receive(label));
    this.#receiving = result.catch(() => undefined);
    return result;
  }

  async open(lastIncluded: LogId): Promise<SnapshotFile> {
    this.#checkOpen();
    const { directory, fileSystem, sha256 } = this.#context;
    const label = this.#catalog.find(lastIncluded);
    if (label === undefined) throw notRetained(lastIncluded, directory);
    const path = `${directory}/${snapshotName(lastIncluded)}`;
    this.#catalog.hold(label);
    try {
      const file = await naming("reading", path, () =>
        fileSystem.open(path, { access: "read", durable: false }),
      );
      const onClose = (): Promise<void> => {
        this.#files.delete(snapshot);
        return this.#catalog.release(label);
      };
      const snapshot = new FileSnapshot({ label, path, file, sha256, onClose });
      this.#files.add(snapshot);
      return snapshot;
    } catch (error) {
      await this.#catalog.release(label);
      throw error;
    }
  }

  /** Reads a complete one through. Rejects with `DATA_CORRUPTION`. */
  async verify(lastIncluded: LogId): Promise<void> {
    const snapshot = await this.open(lastIncluded);
    try {
      for await (const _ of snapshot.pieces(PIECE_BYTES));
    } finally {
      await snapshot.close();
    }
  }

  /** Ends what is being written, keeps what was received, closes what is open. Idempotent. */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    await this.#receiving;
    for (const writer of this.#writers) await writer.suspend();
    for (const file of this.#files) await file.close();
  }

  async #receive(label: SnapshotLabel): Promise<SnapshotWriter> {
    this.#checkOpen();
    await this.#endReceiver(label);
    await this.#dropOther(label);
    const { path, file, bytes, hash, markPath, mark } = await naming(
      "writing",
      `${this.#context.directory}/${partialName(label)}`,
      () => this.#catalog.withRoom(() => openPartial(this.#context, label)),
    );
    this.#partial = label;
    const received = { label, markPath, mark };
    const { lastIncluded } = label;
    const writer = this.#writer({ path, file, lastIncluded, bytes, hash, received });
    this.#receiver = writer;
    return writer;
  }

  /** One is received at a time: who began before is suspended, or gives way to another label. */
  async #endReceiver(label: SnapshotLabel): Promise<void> {
    const receiver = this.#receiver;
    if (receiver === undefined || this.#partial === undefined) return;
    if (sameLabel(this.#partial, label)) await receiver.suspend();
    else await receiver.abort();
  }

  async #dropOther(label: SnapshotLabel): Promise<void> {
    const partial = this.#partial;
    if (partial === undefined || sameLabel(partial, label)) return;
    await removeFile(this.#context, `${this.#context.directory}/${partialName(partial)}`);
    await removeFile(this.#context, `${this.#context.directory}/${markName(partial)}`);
    this.#partial = undefined;
  }

  #writer(target: Omit<WriterTarget, "onEnd">): FileSnapshotWriter {
    const onEnd = (isKept: boolean): void => {
      this.#writers.delete(writer);
      if (this.#receiver !== writer) return;
      this.#receiver = undefined;
      if (!isKept) this.#partial = undefined;
    };
    const writer = new FileSnapshotWriter(this.#context, this.#catalog, { ...target, onEnd });
    this.#writers.add(writer);
    return writer;
  }

  #checkOpen(): void {
    if (this.#closing !== undefined) throw storeClosed();
  }
}

/** Opens the snapshots in `context.directory`, which is made if need be. */
export async function openSnapshotStore(
  context: SnapshotContext,
  onNotice: (notice: string) => void,
): Promise<FileSnapshotStore> {
  const { directory, fileSystem } = context;
  await naming("creating", directory, () => fileSystem.mkdir(directory));
  const found = await findSnapshots(context, onNotice);
  const catalog = new SnapshotCatalog(context, found.complete);
  await catalog.removeSurplus();
  return new FileSnapshotStore(context, catalog, found.partial);
}
