import { Prng } from "../prng.js";

/**
 * Names a changing set by 128 random bits, one exclusive or for each change (Zobrist): comparing
 * the sets themselves would cost their length each time. Two sets share a name with a chance of
 * 2^-128 a pair, far below that of a broken machine.
 */
export class SetName {
  readonly #words: Int32Array;
  readonly #sum = new Int32Array(4);

  /** For sets of numbers from 0 to `size - 1`. */
  constructor(size: number) {
    const random = new Prng(size);
    this.#words = Int32Array.from({ length: size * 4 }, () => random.uint32());
  }

  /** Adds the element, or removes it when it is in the set. */
  flip(element: number): void {
    for (let word = 0; word < 4; word += 1) {
      this.#sum[word]! ^= this.#words[element * 4 + word]!;
    }
  }

  get name(): string {
    const [a, b, c, d] = this.#sum;
    return `${a},${b},${c},${d}`;
  }
}
