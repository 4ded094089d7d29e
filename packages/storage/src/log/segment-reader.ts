import type { FileHandle } from "../file-system.js";
import { SECTOR_BYTES } from "../format/log-format.js";
import { naming } from "../storage-errors.js";

/**
 * Reads a file front to back through a buffer of its own, which is reused: what `view` returns is
 * valid until the next `load`.
 */
export class SegmentReader {
  readonly path: string;
  readonly #file: FileHandle;
  readonly #end: () => number;
  #buffer: Uint8Array;
  #start = 0;
  #length = 0;

  /**
   * `end` says how far the file may be read now: what lies beyond may still be written, and would
   * be remembered as it was before. `buffer` may be shared by readers used one after the other.
   */
  constructor(path: string, file: FileHandle, end: () => number, buffer: Uint8Array) {
    this.path = path;
    this.#file = file;
    this.#end = end;
    this.#buffer = buffer;
  }

  /** Whether `view` may be called for these bytes. */
  has(offset: number, length: number): boolean {
    return offset >= this.#start && offset + length <= this.#start + this.#length;
  }

  /** Bytes `[offset, offset + length)`, which must be loaded. */
  view(offset: number, length: number): Uint8Array {
    const from = offset - this.#start;
    return this.#buffer.subarray(from, from + length);
  }

  /** How many loaded bytes follow `offset`. */
  loadedFrom(offset: number): number {
    return Math.max(0, this.#start + this.#length - offset);
  }

  /** Loads `length` bytes at `offset`, which lie before the end, and as many more as fit. */
  async load(offset: number, length: number): Promise<void> {
    if (length > this.#buffer.length) this.#buffer = new Uint8Array(length);
    const wanted = Math.min(this.#buffer.length, this.#end() - offset);
    this.#start = offset;
    this.#length = 0;
    await naming("reading", this.path, async () => {
      while (this.#length < wanted) {
        const rest = wanted - this.#length;
        const count = await this.#file.read(
          this.#buffer,
          this.#length,
          rest,
          offset + this.#length,
        );
        // A file that is shorter than `stat` said: what is missing reads as zeros.
        if (count === 0) this.#buffer.fill(0, this.#length, wanted);
        this.#length += count === 0 ? rest : count;
      }
    });
  }
}

/** Large enough that reading costs less than checking what was read. */
export const READ_BUFFER_BYTES = 4 * 1024 * 1024;

/** A buffer for reading files of up to `fileBytes` bytes. */
export function readBuffer(fileBytes: number): Uint8Array {
  return new Uint8Array(Math.min(READ_BUFFER_BYTES, Math.max(fileBytes, SECTOR_BYTES)));
}
