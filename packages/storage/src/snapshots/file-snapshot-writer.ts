import type { LogId, SnapshotLabel, SnapshotWriter } from "@d-engine/core";
import type { FileHandle } from "../file-system.js";
import { type Sha256, sameBytes } from "../sha256.js";
import { isNoSpace, naming } from "../storage-errors.js";
import { writeMark } from "./partial-mark.js";
import { removeFile, type SnapshotCatalog } from "./snapshot-catalog.js";
import { PIECE_BYTES, type SnapshotContext } from "./snapshot-context.js";
import { beyondLabel, noRoom, transferCorruption, writerEnded } from "./snapshot-errors.js";

/** What a writer writes into. */
export interface WriterTarget {
  readonly path: string;
  readonly file: FileHandle;
  readonly lastIncluded: LogId;
  /** What is there already, and its hash. */
  readonly bytes: number;
  readonly hash: Sha256;
  /** Only for one that is received: what it must become, and where its progress is noted. */
  readonly received:
    | { readonly label: SnapshotLabel; readonly markPath: string; readonly mark: FileHandle }
    | undefined;
  /** Called once, when nothing more will be written; `isKept`: for a later `receive`. */
  readonly onEnd: (isKept: boolean) => void;
}

/**
 * Writes one snapshot file; the first failure is the end of it. One operation after the other: a
 * store that is closed ends writers in the middle of theirs.
 */
export class FileSnapshotWriter implements SnapshotWriter {
  readonly #context: SnapshotContext;
  readonly #catalog: SnapshotCatalog;
  readonly #target: WriterTarget;
  #bytes: number;
  #markedBytes: number;
  /** What was written last is on its way to the medium, and will be noted. */
  #noting: Promise<void> | undefined;
  #hasEnded = false;
  #turn: Promise<unknown> = Promise.resolve();

  constructor(context: SnapshotContext, catalog: SnapshotCatalog, target: WriterTarget) {
    this.#context = context;
    this.#catalog = catalog;
    this.#target = target;
    this.#bytes = target.bytes;
    this.#markedBytes = target.bytes;
  }

  get bytes(): number {
    return this.#bytes;
  }

  write(bytes: Uint8Array): Promise<void> {
    return this.#inTurn(async () => {
      if (this.#hasEnded) throw writerEnded();
      const label = this.#target.received?.label;
      const total = this.#bytes + bytes.length;
      if (label !== undefined && total > label.bytes) throw beyondLabel(total, label.bytes);
      await this.#orDiscard(() => this.#writePieces(bytes));
    });
  }

  commit(): Promise<SnapshotLabel> {
    return this.#inTurn(async () => {
      if (this.#hasEnded) throw writerEnded();
      return this.#orDiscard(async () => {
        await this.#noting;
        const { path, file, lastIncluded } = this.#target;
        const checksum = this.#target.hash.digest();
        this.#checkReceived(checksum);
        await this.#sync();
        await file.close();
        const label = { lastIncluded, checksum, bytes: this.#bytes };
        const published = await this.#catalog.publish(path, label);
        this.#end(false);
        await this.#removeMark();
        return published;
      });
    });
  }

  abort(): Promise<void> {
    return this.#inTurn(async () => {
      if (!this.#hasEnded) await this.#discard();
    });
  }

  suspend(): Promise<void> {
    return this.#inTurn(async () => {
      if (this.#hasEnded) return;
      const { received } = this.#target;
      if (received === undefined) {
        await this.#discard();
        return;
      }
      await this.#orDiscard(async () => {
        await this.#noting;
        await this.#noteProgress();
        await this.#target.file.close();
        await received.mark.close();
        this.#end(true);
      });
    });
  }

  async #writePieces(bytes: Uint8Array): Promise<void> {
    const { file, hash, received } = this.#target;
    for (let from = 0; from < bytes.length; from += PIECE_BYTES) {
      const to = Math.min(from + PIECE_BYTES, bytes.length);
      await this.#catalog.withRoom(() => file.write(bytes, from, to, this.#bytes));
      hash.update(bytes.subarray(from, to));
      this.#bytes += to - from;
      const isDue = this.#bytes - this.#markedBytes >= this.#context.syncBytes;
      if (received !== undefined && isDue) await this.#noteInBackground();
    }
  }

  /**
   * The next bytes are taken meanwhile, or a disk that is slow to sync keeps the network idle. One
   * at a time, so that no more than twice `syncBytes` have not reached the medium; what fails shows
   * at the next one, or at the end.
   */
  async #noteInBackground(): Promise<void> {
    await this.#noting;
    this.#noting = this.#noteProgress();
    this.#noting.catch(() => undefined);
  }

  #checkReceived(checksum: Uint8Array): void {
    const label = this.#target.received?.label;
    if (label === undefined) return;
    if (this.#bytes !== label.bytes) {
      const what = `it has ${this.#bytes} bytes, announced were ${label.bytes}`;
      throw transferCorruption(this.#target.path, what);
    }
    if (sameBytes(checksum, label.checksum)) return;
    throw transferCorruption(this.#target.path, "its SHA-256 is not the announced one");
  }

  /** What was written so far is there after a crash, and known to be. */
  async #noteProgress(): Promise<void> {
    const mark = { bytes: this.#bytes, checksum: this.#target.hash.digest() };
    this.#markedBytes = this.#bytes;
    await this.#sync();
    const { received } = this.#target;
    if (received !== undefined) await writeMark(received.mark, mark);
  }

  /** Never tried twice: after a failure the page cache takes lost bytes for written ones. */
  async #sync(): Promise<void> {
    try {
      await this.#target.file.sync();
    } catch (error) {
      throw isNoSpace(error) ? noRoom(this.#context.directory, error) : error;
    }
  }

  /** Runs a part of the writing; when it fails, nothing of the file is left. */
  async #orDiscard<T>(task: () => Promise<T>): Promise<T> {
    try {
      return await naming("writing", this.#target.path, task);
    } catch (error) {
      // What cannot be removed now is removed at the next start; the first failure counts.
      if (!this.#hasEnded) await this.#discard().catch(() => undefined);
      throw error;
    }
  }

  async #discard(): Promise<void> {
    this.#end(false);
    // What it met is not news: the file goes anyway.
    await this.#noting?.catch(() => undefined);
    await this.#target.file.close();
    await removeFile(this.#context, this.#target.path);
    await this.#removeMark();
  }

  async #removeMark(): Promise<void> {
    const { received } = this.#target;
    if (received === undefined) return;
    await received.mark.close();
    await removeFile(this.#context, received.markPath);
  }

  #end(isKept: boolean): void {
    this.#hasEnded = true;
    this.#target.onEnd(isKept);
  }

  #inTurn<T>(task: () => Promise<T>): Promise<T> {
    const result = this.#turn.then(task);
    this.#turn = result.catch(() => undefined);
    return result;
  }
}
