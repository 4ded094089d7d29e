/** Rounds older than this many are forgotten; their answers count for replication only. */
const roundsKeptMax = 256;

/**
 * The leader's rounds of heartbeats within one term. A round's time is read before its first
 * message leaves, so that whatever is concluded from an answer errs on the safe side.
 */
export class Rounds {
  #current = 0;
  #sentMs: number[] = [];

  /** The newest round; 0 before the first. */
  get current(): number {
    return this.#current;
  }

  begin(nowMs: number): number {
    this.#sentMs.push(nowMs);
    if (this.#sentMs.length > roundsKeptMax) this.#sentMs.shift();
    return ++this.#current;
  }

  /** When `round` was begun, or `undefined` for one never begun or forgotten. */
  sentMs(round: number): number | undefined {
    return this.#sentMs[round - (this.#current - this.#sentMs.length) - 1];
  }
}
