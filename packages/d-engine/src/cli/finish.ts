import type { ExitCode } from "./exit-codes.js";

/**
 * Runs the work of a command, reports its failure, and keeps its exit code. `effect` says whether
 * the work may change what is stored, and so whether its outcome can be unknown.
 */
export type Finish = (
  effect: "reads" | "writes",
  options: { readonly json: boolean },
  work: () => Promise<ExitCode>,
) => Promise<void>;
