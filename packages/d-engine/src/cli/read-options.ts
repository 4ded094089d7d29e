import type { Consistency } from "@d-engine/client";
import { type Command, Option } from "commander";

export interface ReadCommandOptions {
  readonly consistency?: Consistency;
}

export function addConsistencyOption(command: Command): Command {
  return command.addOption(
    new Option("-c, --consistency <level>", "how fresh (default: as the server is set)").choices([
      "linearizable",
      "lease",
      "eventual",
    ]),
  );
}

/** For calls that leave the level out when the user did. */
export function consistencyOption({ consistency }: ReadCommandOptions): ReadCommandOptions {
  return consistency === undefined ? {} : { consistency };
}
