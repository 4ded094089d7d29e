import type { TxnCondition, TxnStep } from "@d-engine/client";
import { EngineError, isEngineError } from "@d-engine/core";

/** One condition or step of a transaction, and the line of the script that it stands in. */
export type ScriptPart = { readonly line: number } & (
  | { readonly part: "if"; readonly condition: TxnCondition }
  | { readonly part: "then" | "else"; readonly step: TxnStep }
);

/** Says of a script what is wrong and where. */
export function scriptError(line: number, what: string, cause?: unknown): EngineError {
  const options = cause === undefined ? {} : { cause };
  return new EngineError("INVALID_REQUEST", `line ${line}: ${what}`, options);
}

/** Runs what belongs to one line; a refusal of it names the line. */
export function inLine<Result>(line: number, work: () => Result): Result {
  try {
    return work();
  } catch (error) {
    if (!isEngineError(error) || error.message.startsWith("line ")) throw error;
    throw scriptError(line, error.message, error);
  }
}
