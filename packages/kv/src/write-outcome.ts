import type { CommandResult } from "@d-engine/codec";
import type { EngineErrorCode } from "@d-engine/core";

/** What applying one command answers to whoever proposed it. The same on every replica. */
export interface WriteOutcome {
  /** False for a compare-and-swap that did not match, a transaction that failed, a refusal. */
  readonly succeeded: boolean;
  /** The store revision after the command; the command made it if the command changed anything. */
  readonly revision: number;
  /** Whether the key existed before the command. */
  readonly existed: boolean;
  /** What more there is to say of a command of `d_engine.kv.v1`. */
  readonly detail?: CommandResult;
  /** The command was refused when it was applied, and changed nothing. */
  readonly refusal?: WriteRefusal;
}

/** Becomes an `EngineError` where somebody waits for the outcome. */
export interface WriteRefusal {
  readonly code: EngineErrorCode;
  readonly message: string;
}
