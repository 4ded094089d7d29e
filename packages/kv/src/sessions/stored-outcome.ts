import type { WriteOutcome } from "../write-outcome.js";

/** An outcome that is kept for a repetition. Immutable. */
export interface StoredOutcome {
  readonly outcome: WriteOutcome;
  /** What it counts for in the bounds. */
  readonly bytes: number;
}

export function storeOutcome(outcome: WriteOutcome): StoredOutcome {
  return { outcome, bytes: outcomeAllowance };
}

export function recallOutcome(stored: StoredOutcome): WriteOutcome {
  return stored.outcome;
}

/** For the objects and the node of the tree around an outcome. */
const outcomeAllowance = 256;
