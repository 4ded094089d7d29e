import type { Command } from "commander";
import type { CliIo } from "../cli-io.js";
import { EXIT, type ExitCode } from "../exit-codes.js";
import type { Finish } from "../finish.js";
import { addKeyOptions, isRange, type KeyOptions, selectionOf } from "../key-options.js";
import { addRemoteOptions, type RemoteOptions, withClient } from "../remote-options.js";

interface DeleteCommandOptions extends RemoteOptions, KeyOptions {}

const EXAMPLES = `
Examples:
  d-engine delete greeting
  d-engine del config/ --prefix

Several keys go at once, at one revision. Ends with code 3 when there was none.`;

export function addDeleteCommand(program: Command, io: CliIo, finish: Finish): void {
  const command = program
    .command("delete")
    .alias("del")
    .description("remove a key, or all keys of a prefix or range")
    .argument("<key>");
  addRemoteOptions(addKeyOptions(command))
    .addHelpText("after", EXAMPLES)
    .action((key: string, options: DeleteCommandOptions) =>
      finish("writes", options, () =>
        isRange(options) ? deleteRange(key, options, io) : deleteKey(key, options, io),
      ),
    );
}

async function deleteKey(key: string, options: RemoteOptions, io: CliIo): Promise<ExitCode> {
  const deleted = await withClient(options, (client) => client.delete(key));
  if (options.json) io.out(`${JSON.stringify({ key, deleted })}\n`);
  else if (deleted) io.out("deleted\n");
  else io.err(`d-engine: no key ${JSON.stringify(key)}`);
  return deleted ? EXIT.ok : EXIT.negative;
}

async function deleteRange(
  key: string,
  options: DeleteCommandOptions,
  io: CliIo,
): Promise<ExitCode> {
  const selection = selectionOf(key, options);
  const deleted = await withClient(options, (client) => client.deleteRange(selection));
  if (options.json) io.out(`${JSON.stringify({ deleted })}\n`);
  else if (deleted > 0) io.out(`deleted ${deleted} ${deleted === 1 ? "key" : "keys"}\n`);
  else io.err("d-engine: no such key");
  return deleted > 0 ? EXIT.ok : EXIT.negative;
}
