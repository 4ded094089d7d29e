/** What a failed simulation leaves behind. */
export interface SimulationFailure {
  readonly seed: number;
  /** One line: what went wrong. */
  readonly reason: string;
  /** Many lines for people: how to repeat it, which faults struck, the last events. */
  readonly report: string;
  readonly cause?: unknown;
}

/**
 * A simulated test failed. The message begins with the seed that repeats it; `cause` is what the
 * test threw, if it threw.
 */
export class SimulationError extends Error {
  override readonly name = "SimulationError";
  readonly seed: number;
  /** How to repeat it, which faults struck and when, and the last events, in lines for people. */
  readonly report: string;

  constructor({ seed, reason, report, cause }: SimulationFailure) {
    super(`seed ${seed}: ${reason}`, cause === undefined ? undefined : { cause });
    this.seed = seed;
    this.report = report;
  }
}
