import { decodeCommandResult, encodeCommandResult } from "@d-engine/codec";
import type { WriteOutcome, WriteRefusal } from "../write-outcome.js";

/**
 * An outcome that is kept for a repetition. Immutable. The detail is encoded, so that it holds on
 * to nothing but its own bytes, and its size is known.
 */
export interface StoredOutcome {
  readonly succeeded: boolean;
  readonly revision: number;
  readonly existed: boolean;
  /** An encoded `CommandResult`; empty: none. */
  readonly detail: Uint8Array;
  readonly refusal: WriteRefusal | undefined;
}

export function storeOutcome(outcome: WriteOutcome): StoredOutcome {
  const { succeeded, revision, existed, detail, refusal } = outcome;
  const encoded = detail === undefined ? noBytes : encodeCommandResult(detail);
  return { succeeded, revision, existed, detail: encoded, refusal };
}

/** Equal to what was stored. */
export function recallOutcome(stored: StoredOutcome): WriteOutcome {
  const { succeeded, revision, existed, detail, refusal } = stored;
  return {
    succeeded,
    revision,
    existed,
    ...(detail.length > 0 && { detail: decodeCommandResult(detail) }),
    ...(refusal !== undefined && { refusal }),
  };
}

/** What an outcome counts for in the bounds. */
export function outcomeBytes({ detail, refusal }: StoredOutcome): number {
  return outcomeAllowance + detail.length + (refusal?.message.length ?? 0);
}

/** For the objects and the place in the tree. */
const outcomeAllowance = 256;
const noBytes = new Uint8Array(0);
