import { isEngineError } from "@d-engine/core";
import { ConfigError } from "../config/config-error.js";
import type { CliIo } from "./cli-io.js";
import { EXIT, type ExitCode } from "./exit-codes.js";

export interface ReportOptions {
  readonly json: boolean;
  readonly effect: "reads" | "writes";
}

/**
 * Says in one line on stderr why a command failed, as JSON where it was asked for. An error that
 * is none of the engine's own is a bug, or the system's, and keeps its stack.
 */
export function reportError(error: unknown, io: CliIo, { json, effect }: ReportOptions): ExitCode {
  if (!isEngineError(error)) {
    io.err(`d-engine: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`);
    return EXIT.failed;
  }
  const { code, message } = error;
  if (error instanceof ConfigError) return reportConfig(error, io, json);
  const outcome = effect === "reads" ? "rejected" : error.outcome;
  const unknown = outcome === "unknown";
  if (json) io.err(JSON.stringify({ error: { code, message, outcome } }));
  else if (unknown) io.err(`d-engine: unknown outcome, read before you repeat it: ${message}`);
  else io.err(`d-engine: ${message}`);
  return unknown ? EXIT.unknown : EXIT.failed;
}

/** Settings that stand on the command line alone are wrong arguments; others may stand in a file. */
function reportConfig(
  { code, message, problems }: ConfigError,
  io: CliIo,
  json: boolean,
): ExitCode {
  if (json) io.err(JSON.stringify({ error: { code, message, outcome: "rejected", problems } }));
  else io.err(`d-engine: ${message}`);
  return problems.every(({ origin }) => origin === "commandLine") ? EXIT.usage : EXIT.failed;
}
