import type { Logger } from "@d-engine/server";
import { pino } from "pino";
import type { CliIo } from "./cli-io.js";
import type { LogLevel } from "./log-levels.js";

/**
 * Where a node started from the command line writes. Without a level only what people must know,
 * as plain lines; with one, everything from that level on as JSON lines for log collectors. Both
 * on stderr.
 */
export function cliLogger(level: LogLevel | undefined, io: CliIo): Logger {
  if (level === undefined) {
    return {
      info: () => undefined,
      warn: (message) => io.err(`d-engine: note: ${message}`),
      // What ends the node is told once, by the command itself.
      error: () => undefined,
    };
  }
  const log = pino({ level, name: "d-engine" }, pino.destination({ dest: 2, sync: true }));
  return {
    info: (message, fields) => log.info(fields ?? {}, message),
    warn: (message, fields) => log.warn(fields ?? {}, message),
    error: (message, fields) => log.error(fields ?? {}, message),
  };
}
