/**
 * Memory for values that are kept for long. Small ones share a chunk, and records name the part of
 * it that is theirs: that saves an array for each of millions, and whoever keeps one value holds
 * on to one chunk, not to the piece of a file that it was cut from.
 */
export class ValueMemory {
  #chunk = new Uint8Array(chunkBytes);
  /** Where the value that was copied last lies. */
  memory: ArrayBufferLike = this.#chunk.buffer;
  from = 0;
  to = 0;
  #end = 0;

  /** Copies `value`; the fields say where to. */
  copy(value: Uint8Array): void {
    if (value.length * 4 >= chunkBytes) {
      // Not `slice`, which for one of Node's buffers is a view.
      this.memory = new Uint8Array(value).buffer;
      this.from = 0;
    } else {
      if (this.#end + value.length > chunkBytes) {
        this.#chunk = new Uint8Array(chunkBytes);
        this.#end = 0;
      }
      this.memory = this.#chunk.buffer;
      this.from = this.#end;
      this.#chunk.set(value, this.#end);
      this.#end += value.length;
    }
    this.to = this.from + value.length;
  }
}

/** As large as the slabs that the values of commands lie in. */
const chunkBytes = 8192;
