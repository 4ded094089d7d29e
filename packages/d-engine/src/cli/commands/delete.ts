import type { Command } from "commander";
import type { CliIo } from "../cli-io.js";
import { EXIT, type ExitCode } from "../exit-codes.js";
import type { Finish } from "../finish.js";
import { addRemoteOptions, type RemoteOptions, withClient } from "../remote-options.js";

const EXAMPLES = `
Examples:
  d-engine delete greeting

Ends with code 3 when the key did not exist.`;

export function addDeleteCommand(program: Command, io: CliIo, finish: Finish): void {
  const command = program.command("delete").description("remove a key").argument("<key>");
  addRemoteOptions(command)
    .addHelpText("after", EXAMPLES)
    .action((key: string, options: RemoteOptions) =>
      finish("writes", options, () => deleteKey(key, options, io)),
    );
}

async function deleteKey(key: string, options: RemoteOptions, io: CliIo): Promise<ExitCode> {
  const deleted = await withClient(options, (client) => client.delete(key));
  if (options.json) io.out(`${JSON.stringify({ key, deleted })}\n`);
  else if (deleted) io.out("deleted\n");
  else io.err(`d-engine: no key ${JSON.stringify(key)}`);
  return deleted ? EXIT.ok : EXIT.negative;
}
