import type { RangeShape } from "@d-engine/client";
import { type Command, Option } from "commander";
import { readCount } from "./numbers.js";

/** How much of the selected keys is read, and in which order. */
export interface RangeShapeOptions {
  readonly limit?: number;
  readonly order?: "ascending" | "descending";
  readonly keysOnly?: boolean;
  readonly countOnly?: boolean;
}

export function addRangeShapeOptions(command: Command): Command {
  return command
    .addOption(new Option("--limit <n>", "so many keys at most").argParser(readCount))
    .addOption(
      new Option("--order <order>", "by the bytes of the keys").choices([
        "ascending",
        "descending",
      ]),
    )
    .addOption(new Option("--keys-only", "leave the values out").conflicts("countOnly"))
    .addOption(new Option("--count-only", "print how many there are").conflicts("limit"));
}

/** What was given, for calls that leave out the rest. */
export function rangeShapeOf(options: RangeShapeOptions): RangeShape {
  const { limit, order, keysOnly = false, countOnly = false } = options;
  return {
    keysOnly,
    countOnly,
    ...(limit === undefined ? {} : { limit }),
    ...(order === undefined ? {} : { order }),
  };
}
