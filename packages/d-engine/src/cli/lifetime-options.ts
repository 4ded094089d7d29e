import { type Command, Option } from "commander";
import { readDurationMs, readLeaseId } from "./numbers.js";

/** How long a key is to live; for ever without any of these. */
export interface LifetimeOptions {
  readonly lease?: number;
  readonly ttl?: number;
}

export function addLifetimeOptions(command: Command): Command {
  return command
    .addOption(
      new Option("--lease <id>", "the key ends with this lease")
        .argParser(readLeaseId)
        .conflicts("ttl"),
    )
    .addOption(
      new Option("--ttl <time>", "the key ends after this time, as 30s").argParser(readDurationMs),
    );
}

/** As puts take them. */
export function lifetimeOf(options: LifetimeOptions): { lease?: number; ttlMs?: number } {
  const { lease, ttl } = options;
  return {
    ...(lease === undefined ? {} : { lease }),
    ...(ttl === undefined ? {} : { ttlMs: ttl }),
  };
}
