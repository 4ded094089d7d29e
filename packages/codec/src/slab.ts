/**
 * Hands out small pieces of larger arrays. Two uses: an allocation costs a fraction of a typed
 * array of its own, and a small value that is kept for long holds on to one chunk at most, not to
 * the megabyte of received bytes that it was cut from.
 *
 * Pieces are never reused or returned: a chunk is freed when the last piece of it is garbage.
 */
export class Slab {
  private readonly chunkBytes: number;
  private chunk: Uint8Array;
  private position = 0;

  /** A quarter of `chunkBytes` and more gets an array of its own. */
  constructor(chunkBytes: number = defaultChunkBytes) {
    this.chunkBytes = chunkBytes;
    this.chunk = new Uint8Array(chunkBytes);
  }

  /** `count` zero bytes, the caller's for ever. */
  take(count: number): Uint8Array {
    const from = this.position;
    const to = from + count;
    if (to > this.chunk.length) return this.takeElsewhere(count);
    if (count * 4 >= this.chunkBytes) return new Uint8Array(count);
    this.position = to;
    return this.chunk.subarray(from, to);
  }

  /** A copy of `bytes`, independent of the array they lie in. */
  copy(bytes: Uint8Array): Uint8Array {
    const copy = this.take(bytes.length);
    copy.set(bytes);
    return copy;
  }

  private takeElsewhere(count: number): Uint8Array {
    if (count * 4 >= this.chunkBytes) return new Uint8Array(count);
    this.chunk = new Uint8Array(this.chunkBytes);
    this.position = count;
    return this.chunk.subarray(0, count);
  }
}

const defaultChunkBytes = 8192;
