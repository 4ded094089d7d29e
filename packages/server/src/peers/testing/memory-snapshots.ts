import { createHash } from "node:crypto";
import {
  EngineError,
  type LogId,
  type LogIndex,
  type SnapshotFile,
  type SnapshotLabel,
  type SnapshotStore,
  type SnapshotWriter,
  type Term,
} from "@d-engine/core";

/** A label that fits the bytes. */
export function labelOf(file: Uint8Array, index = 9): SnapshotLabel {
  return {
    lastIncluded: { term: 3 as Term, index: index as LogIndex },
    checksum: createHash("sha256").update(file).digest(),
    bytes: file.length,
  };
}

/** Pseudo-random bytes, always the same. */
export function sampleFile(bytes: number): Uint8Array {
  return Uint8Array.from({ length: bytes }, (_, at) => (at * 31 + (at >> 8) * 7) & 0xff);
}

/** A complete snapshot in memory; `readers` counts who has it open. */
export class MemorySnapshot implements SnapshotFile {
  readonly label: SnapshotLabel;
  readonly #file: Uint8Array;
  readers = 0;

  constructor(file: Uint8Array, index?: number) {
    this.#file = file;
    this.label = labelOf(file, index);
  }

  async read(position: number, length: number): Promise<Uint8Array> {
    return this.#file.slice(position, position + length);
  }

  async *pieces(pieceBytes: number): AsyncIterable<Uint8Array> {
    for (let at = 0; at < this.#file.length; at += pieceBytes) {
      yield await this.read(at, pieceBytes);
    }
  }

  async close(): Promise<void> {
    this.readers--;
  }
}

/** As much of a store as receiving needs. */
export class ReceivingStore implements SnapshotStore {
  newest: SnapshotLabel | undefined;
  /** What was received of a snapshot that is not complete yet. */
  partial: { readonly label: SnapshotLabel; bytes: Uint8Array } | undefined;
  file: Uint8Array | undefined;
  /** Bytes taken by `write`, over all attempts. */
  written = 0;

  get retained(): readonly SnapshotLabel[] {
    return this.newest === undefined ? [] : [this.newest];
  }

  create(_lastIncluded: LogId): Promise<SnapshotWriter> {
    throw new Error("not a part of this store");
  }

  open(_lastIncluded: LogId): Promise<SnapshotFile> {
    throw new Error("not a part of this store");
  }

  async receive(label: SnapshotLabel): Promise<SnapshotWriter> {
    const same =
      this.partial !== undefined &&
      Buffer.compare(this.partial.label.checksum, label.checksum) === 0;
    const partial = same ? this.partial! : { label, bytes: new Uint8Array(0) };
    this.partial = partial;
    return {
      get bytes() {
        return partial.bytes.length;
      },
      write: async (bytes) => {
        partial.bytes = Buffer.concat([partial.bytes, bytes]);
        this.written += bytes.length;
      },
      commit: async () => {
        const made = labelOf(partial.bytes, label.lastIncluded.index);
        if (Buffer.compare(made.checksum, label.checksum) !== 0) {
          throw new EngineError("DATA_CORRUPTION", "the file has another checksum");
        }
        this.newest = label;
        this.file = partial.bytes;
        this.partial = undefined;
        return label;
      },
      abort: async () => {
        this.partial = undefined;
      },
      suspend: async () => undefined,
    };
  }
}
