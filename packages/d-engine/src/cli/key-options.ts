import type { KeySelection } from "@d-engine/client";
import { EngineError } from "@d-engine/core";
import { type Command, Option } from "commander";

/** Which keys a command means: the one that it names, or all of a prefix or range. */
export interface KeyOptions {
  readonly prefix?: boolean;
  readonly rangeEnd?: string;
}

export function addKeyOptions(command: Command): Command {
  return command
    .addOption(
      new Option("--prefix", 'all keys that begin with KEY; "" means every key').conflicts(
        "rangeEnd",
      ),
    )
    .option("--range-end <key>", "all keys from KEY up to this one, without it");
}

/** Whether more than one key may be meant. */
export function isRange({ prefix, rangeEnd }: KeyOptions): boolean {
  return prefix === true || rangeEnd !== undefined;
}

/** @throws EngineError `INVALID_REQUEST` for a range that cannot hold a key */
export function selectionOf(key: string, { prefix, rangeEnd }: KeyOptions): KeySelection {
  if (prefix) return { prefix: key };
  if (rangeEnd === undefined) return key;
  if (Buffer.compare(Buffer.from(key), Buffer.from(rangeEnd)) < 0) {
    return { start: key, end: rangeEnd };
  }
  throw new EngineError(
    "INVALID_REQUEST",
    `--range-end ${JSON.stringify(rangeEnd)} must lie above ${JSON.stringify(key)}`,
  );
}
