/**
 * Says of most keys that are not in a set that they are not, without a look at the set: each key
 * counts in one of many cells, chosen by its length and its end, where keys that resemble each
 * other differ. A look-up in a map of ten thousand strings misses the processor's caches several
 * times, on every change of the store; this does not.
 */
export class KeyFilter {
  readonly #cells = new Uint8Array(cells);

  /** Of a key that is not in the set yet. */
  add(key: string): void {
    const cell = cellOf(key);
    // A cell that is full stays so: it cannot tell any more how many keys count in it.
    if (this.#cells[cell]! < full) this.#cells[cell]!++;
  }

  /** Of a key that is in the set. */
  delete(key: string): void {
    const cell = cellOf(key);
    if (this.#cells[cell]! < full) this.#cells[cell]!--;
  }

  /** `false`: the key is not in the set. */
  mayHave(key: string): boolean {
    return this.#cells[cellOf(key)] !== 0;
  }
}

function cellOf(key: string): number {
  const { length } = key;
  let hash = length;
  for (let i = length > tail ? length - tail : 0; i < length; i++) {
    hash = Math.imul(hash ^ key.charCodeAt(i), 0x01000193);
  }
  return (hash ^ (hash >>> 16)) & (cells - 1);
}

/** A power of two: with ten thousand keys six of seven cells are empty. */
const cells = 65_536;
const full = 255;
const tail = 8;
