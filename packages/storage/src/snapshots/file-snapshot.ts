import { EngineError, type SnapshotFile, type SnapshotLabel } from "@d-engine/core";
import type { FileHandle } from "../file-system.js";
import { type NewSha256, sameBytes } from "../sha256.js";
import { naming } from "../storage-errors.js";
import { readFully, readPieces } from "./read-pieces.js";
import { snapshotCorruption } from "./snapshot-errors.js";

/** A complete snapshot that is open. */
export class FileSnapshot implements SnapshotFile {
  readonly label: SnapshotLabel;
  readonly #path: string;
  readonly #file: FileHandle;
  readonly #sha256: NewSha256;
  readonly #onClose: () => Promise<void>;
  #closing: Promise<void> | undefined;

  constructor(parts: {
    readonly label: SnapshotLabel;
    readonly path: string;
    readonly file: FileHandle;
    readonly sha256: NewSha256;
    readonly onClose: () => Promise<void>;
  }) {
    this.label = parts.label;
    this.#path = parts.path;
    this.#file = parts.file;
    this.#sha256 = parts.sha256;
    this.#onClose = parts.onClose;
  }

  async read(position: number, length: number): Promise<Uint8Array> {
    this.#checkOpen();
    const wanted = Math.max(0, Math.min(length, this.label.bytes - position));
    const bytes = await naming("reading", this.#path, () =>
      readFully(this.#file, position, wanted),
    );
    if (bytes.length < wanted) throw this.#cutShort(position + bytes.length);
    return bytes;
  }

  async *pieces(pieceBytes: number): AsyncGenerator<Uint8Array, void, undefined> {
    this.#checkOpen();
    const hash = this.#sha256();
    let bytes = 0;
    const pieces = readPieces(this.#file, this.label.bytes, pieceBytes);
    for (;;) {
      const next = await naming("reading", this.#path, () => pieces.next());
      if (next.done === true) break;
      hash.update(next.value);
      bytes += next.value.length;
      yield next.value;
    }
    if (bytes < this.label.bytes) throw this.#cutShort(bytes);
    if (sameBytes(hash.digest(), this.label.checksum)) return;
    throw snapshotCorruption(this.#path, "its SHA-256 is not that of its checksum file");
  }

  close(): Promise<void> {
    this.#closing ??= this.#file.close().finally(() => this.#onClose());
    return this.#closing;
  }

  #cutShort(bytes: number): EngineError {
    return snapshotCorruption(this.#path, `it ends after ${bytes} of ${this.label.bytes} bytes`);
  }

  #checkOpen(): void {
    if (this.#closing !== undefined) {
      throw new EngineError("CLOSED", `${this.#path} was closed by its reader`);
    }
  }
}
