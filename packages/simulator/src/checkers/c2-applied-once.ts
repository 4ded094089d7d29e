import type { Checker } from "./witness.js";

/** C2: an attempt of a client is applied at one index of the log at most. */
export class AppliedOnce implements Checker {
  readonly rule = "C2";
  readonly #indexes = new Map<string, number>();

  applied(_mirror: unknown, { index, attempt }: { index: number; attempt: string | undefined }) {
    if (attempt === undefined) return undefined;
    const other = this.#indexes.get(attempt);
    this.#indexes.set(attempt, index);
    if (other === undefined || other === index) return undefined;
    return `attempt ${attempt} is applied at ${index} and at ${other}`;
  }

  /** Where an attempt was applied, for the check that a refused one never was (C3). */
  indexOf(attempt: string): number | undefined {
    return this.#indexes.get(attempt);
  }
}
