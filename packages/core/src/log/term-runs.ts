import type { LogId, LogIndex, Term } from "../ids.js";
import { invariant } from "../invariant.js";

/**
 * The term of every retained entry, kept as one record for each run of equal terms: a log of a
 * million entries and ten leaders costs ten records, and no term is ever looked up on the disk.
 * Invariant: index and term grow strictly from run to run.
 */
export class TermRuns {
  readonly #runs: LogId[];

  constructor(runs: readonly LogId[]) {
    this.#runs = [];
    for (const run of runs) this.append(run.index, run.term);
  }

  get first(): LogId | undefined {
    return this.#runs[0];
  }

  get last(): LogId | undefined {
    return this.#runs[this.#runs.length - 1];
  }

  /** Notes that the entry at `index`, the new last one, is of `term`. */
  append(index: LogIndex, term: Term): void {
    const { last } = this;
    if (last !== undefined) {
      if (last.term === term) return;
      invariant(
        last.term < term && last.index < index,
        () => `term ${term} at ${index} after term ${last.term} from ${last.index}`,
      );
    }
    this.#runs.push({ term, index });
  }

  /** Forgets `index` and everything behind it. */
  truncateFrom(index: LogIndex): void {
    let length = this.#runs.length;
    while (length > 0 && this.#runs[length - 1]!.index >= index) length--;
    this.#runs.length = length;
  }

  /** Forgets everything before `base`, whose own term stays. */
  compactTo(base: LogId): void {
    const at = this.#position(base.index);
    invariant(this.#runs[at]?.term === base.term, () => `no run of term ${base.term} at its index`);
    this.#runs.splice(0, at);
    this.#runs[0] = base;
  }

  /** Forgets everything; `base` is all there is. */
  reset(base: LogId): void {
    this.#runs.length = 0;
    this.#runs.push(base);
  }

  /** The run that holds `index`, which must be retained. */
  runOf(index: LogIndex): LogId {
    const run = this.#runs[this.#position(index)];
    invariant(run !== undefined, () => `no term is known for index ${index}`);
    return run;
  }

  /** The last index whose term is at most `term`, or `undefined` when every run is later. */
  lastIndexUpTo(term: Term, lastIndex: LogIndex): LogIndex | undefined {
    for (let at = this.#runs.length - 1; at >= 0; at--) {
      if (this.#runs[at]!.term > term) continue;
      const next = this.#runs[at + 1];
      return next === undefined ? lastIndex : ((next.index - 1) as LogIndex);
    }
    return undefined;
  }

  /** Where the run that holds `index` stands; -1 when `index` is before all of them. */
  #position(index: LogIndex): number {
    let low = 0;
    let high = this.#runs.length - 1;
    // The newest run is asked about nearly always.
    if (high >= 0 && this.#runs[high]!.index <= index) return high;
    while (low <= high) {
      const middle = (low + high) >>> 1;
      if (this.#runs[middle]!.index <= index) low = middle + 1;
      else high = middle - 1;
    }
    return high;
  }
}
