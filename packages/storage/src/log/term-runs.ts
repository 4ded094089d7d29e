import { invariant, LOG_ORIGIN, type LogId, type LogIndex, type Term } from "@d-engine/core";

/**
 * The term of every position of a log, from its base on, as the first position of each term.
 * Invariant: ascending in index and term, all above `base`.
 */
export class TermRuns {
  #base: LogId;
  #runs: LogId[];

  constructor(base: LogId = LOG_ORIGIN, runs: readonly LogId[] = []) {
    this.#base = base;
    this.#runs = [...runs];
  }

  get base(): LogId {
    return this.#base;
  }

  /** The first position of each term, ascending. */
  toArray(): readonly LogId[] {
    return [...this.#runs];
  }

  /** The term at `index`, which must be the base or above it and in the log. */
  termAt(index: LogIndex): Term {
    for (let i = this.#runs.length - 1; i >= 0; i--) {
      const run = this.#runs[i]!;
      if (run.index <= index) return run.term;
    }
    invariant(index === this.#base.index, `term of ${index} asked for, base ${this.#base.index}`);
    return this.#base.term;
  }

  /** Entries of `term` from `first` on replace everything there was from `first` on. */
  replaceFrom(first: LogIndex, term: Term): void {
    while (this.#runs.length > 0 && this.#runs.at(-1)!.index >= first) this.#runs.pop();
    if (this.#runs.at(-1)?.term !== term) this.#runs.push({ index: first, term });
  }

  /** Forgets the positions up to `base`, which is in the log; an older one changes nothing. */
  dropUpTo(base: LogId): void {
    if (base.index < this.#base.index) return;
    let covering = -1;
    while (covering + 1 < this.#runs.length && this.#runs[covering + 1]!.index <= base.index + 1) {
      covering++;
    }
    this.#base = base;
    if (covering < 0) return;
    const first = (base.index + 1) as LogIndex;
    const head = { index: first, term: this.#runs[covering]!.term };
    this.#runs = [head, ...this.#runs.slice(covering + 1)];
  }

  /** Forgets every position and begins anew after `base`. */
  restart(base: LogId): void {
    this.#base = base;
    this.#runs = [];
  }
}
