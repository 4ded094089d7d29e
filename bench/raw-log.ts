import { write } from "node:fs";
import { constants, type FileHandle, mkdir, open } from "node:fs/promises";
import { join } from "node:path";
import { crc32 } from "node:zlib";

/** Batches begin where disks promise to tear, if at all. */
export const sectorBytes = 512;
/** Nonce, sequence number, length, commit index, two checksums: what a header has to hold. */
export const batchHeaderBytes = 40;

const segmentBytes = 64 * 1024 * 1024;
const segmentCount = 4;
const fillBytes = 1024 * 1024;

/**
 * The durable half of the raw limit: four segments, zero-filled and synced before anything is
 * measured, then written in turn and over again, one batch at a time.
 */
export class RawLog {
  readonly #segments: readonly FileHandle[];
  #segment = 0;
  #position = 0;
  #sequence = 0;

  private constructor(segments: readonly FileHandle[]) {
    this.#segments = segments;
  }

  static async create(folder: string): Promise<RawLog> {
    await mkdir(folder, { recursive: true });
    const segments: FileHandle[] = [];
    for (let number = 0; number < segmentCount; number++) {
      segments.push(await preallocated(join(folder, `${number}.segment`)));
    }
    return new RawLog(segments);
  }

  /**
   * Fills in the header of the batch at `slab[start, end)`, pads it to a sector and writes it.
   * The bytes up to the next sector boundary must exist. Calls back when the batch is durable.
   */
  write(slab: Buffer, start: number, end: number, done: () => void): void {
    this.#sequence += 1;
    slab.writeUInt32LE(end - start, start);
    slab.writeUInt32LE(this.#sequence, start + 4);
    slab.fill(0, start + 8, start + batchHeaderBytes);
    slab.writeUInt32LE(crc32(slab.subarray(start + batchHeaderBytes, end)), start + 32);
    slab.writeUInt32LE(crc32(slab.subarray(start, start + 36)), start + 36);
    const padded = paddedEnd(start, end);
    slab.fill(0, end, padded);
    const length = padded - start;
    if (this.#position + length > segmentBytes) {
      this.#segment = (this.#segment + 1) % this.#segments.length;
      this.#position = 0;
    }
    const { fd } = this.#segments[this.#segment]!;
    write(fd, slab, start, length, this.#position, (error, written) => {
      if (error !== null) throw error;
      if (written !== length) throw new Error(`wrote ${written} of ${length} bytes`);
      done();
    });
    this.#position += length;
  }

  async close(): Promise<void> {
    for (const segment of this.#segments) await segment.close();
  }
}

/** Where a batch that begins at `start` ends when it is padded to whole sectors. */
export function paddedEnd(start: number, end: number): number {
  return start + Math.ceil((end - start) / sectorBytes) * sectorBytes;
}

async function preallocated(path: string): Promise<FileHandle> {
  const zeros = Buffer.alloc(fillBytes);
  const plain = await open(path, "w");
  try {
    for (let at = 0; at < segmentBytes; at += fillBytes) await plain.write(zeros, 0, fillBytes, at);
    await plain.sync();
  } finally {
    await plain.close();
  }
  // Where O_DSYNC is missing (Windows) the figure would not be of durable writes.
  if (constants.O_DSYNC === undefined) throw new Error("this system has no O_DSYNC");
  return open(path, constants.O_WRONLY | constants.O_DSYNC);
}
