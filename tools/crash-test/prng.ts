/** A seeded source of chance (mulberry32): the same seed draws the same numbers. */
export class Prng {
  #state: number;

  constructor(seed: number) {
    this.#state = seed >>> 0;
  }

  /** Uniform in [0, 1). */
  next(): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(this.#state ^ (this.#state >>> 15), this.#state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  }

  /** An integer in [0, bound). */
  below(bound: number): number {
    return Math.floor(this.next() * bound);
  }

  /** As many short as long ones: each doubling within [from, to) is equally likely. */
  logUniform(from: number, to: number): number {
    return from * (to / from) ** this.next();
  }

  /** A source of its own, so that concurrent users do not depend on who draws first. */
  fork(): Prng {
    return new Prng(this.below(2 ** 32));
  }
}
