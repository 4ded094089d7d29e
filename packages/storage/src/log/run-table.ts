import type { LogIndex } from "@d-engine/core";

/** Where a run of entries stands within its segment. */
export interface RunPlace {
  readonly first: LogIndex;
  /** Start of the batch, from the start of the segment. */
  readonly batchOffset: number;
  readonly batchBytes: number;
  /** The run's head, from the start of the batch. */
  readonly runOffset: number;
}

/**
 * The runs of one segment in ascending order, 20 bytes each: an idle log has a batch per sector,
 * and a gigabyte of it two million. A run reaches up to the next one's first index.
 */
export class RunTable {
  #first = new Float64Array(initialRuns);
  #batchOffset = new Uint32Array(initialRuns);
  #batchBytes = new Uint32Array(initialRuns);
  #runOffset = new Uint32Array(initialRuns);
  #length = 0;

  get length(): number {
    return this.#length;
  }

  /** First index of run `i`, which must exist. */
  firstAt(i: number): LogIndex {
    return this.#first[i] as LogIndex;
  }

  at(i: number): RunPlace {
    return {
      first: this.#first[i] as LogIndex,
      batchOffset: this.#batchOffset[i]!,
      batchBytes: this.#batchBytes[i]!,
      runOffset: this.#runOffset[i]!,
    };
  }

  push(run: RunPlace): void {
    if (this.#length === this.#first.length) this.#grow();
    const i = this.#length++;
    this.#first[i] = run.first;
    this.#batchOffset[i] = run.batchOffset;
    this.#batchBytes[i] = run.batchBytes;
    this.#runOffset[i] = run.runOffset;
  }

  /** Drops the runs that begin at `index` or above. */
  truncateFrom(index: LogIndex): void {
    while (this.#length > 0 && this.#first[this.#length - 1]! >= index) this.#length--;
  }

  /** The last run that begins at `index` or below; -1 when there is none. */
  find(index: LogIndex): number {
    let low = 0;
    let high = this.#length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#first[middle]! <= index) low = middle + 1;
      else high = middle;
    }
    return low - 1;
  }

  #grow(): void {
    const capacity = this.#first.length * 2;
    this.#first = grown(new Float64Array(capacity), this.#first);
    this.#batchOffset = grown(new Uint32Array(capacity), this.#batchOffset);
    this.#batchBytes = grown(new Uint32Array(capacity), this.#batchBytes);
    this.#runOffset = grown(new Uint32Array(capacity), this.#runOffset);
  }
}

const initialRuns = 64;

function grown<T extends Float64Array | Uint32Array>(target: T, source: T): T {
  target.set(source);
  return target;
}
