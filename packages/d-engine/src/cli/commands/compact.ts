import type { Command } from "commander";
import type { CliIo } from "../cli-io.js";
import { EXIT, type ExitCode } from "../exit-codes.js";
import type { Finish } from "../finish.js";
import { readRevision } from "../numbers.js";
import { addRemoteOptions, type RemoteOptions, withClient } from "../remote-options.js";

const EXAMPLES = `
Examples:
  d-engine compact 1200

What was overwritten or deleted before that revision can then be neither read nor watched; what
is there now stays. The leader compacts by itself too, by size and by age.`;

export function addCompactCommand(program: Command, io: CliIo, finish: Finish): void {
  const command = program
    .command("compact")
    .description("give up the history before a revision")
    .argument("<revision>", "the oldest one that stays readable", readRevision);
  addRemoteOptions(command)
    .addHelpText("after", EXAMPLES)
    .action((revision: number, options: RemoteOptions) =>
      finish("writes", options, () => compact(revision, options, io)),
    );
}

async function compact(revision: number, options: RemoteOptions, io: CliIo): Promise<ExitCode> {
  await withClient(options, (client) => client.compact(revision));
  if (options.json) io.out(`${JSON.stringify({ oldestRevision: revision })}\n`);
  else io.out(`ok, the oldest revision is ${revision}\n`);
  return EXIT.ok;
}
