import type { Command } from "commander";
import type { CliIo } from "../cli-io.js";
import { EXIT, type ExitCode } from "../exit-codes.js";
import type { Finish } from "../finish.js";
import { addRemoteOptions, type RemoteOptions, withClient } from "../remote-options.js";

interface CasCommandOptions extends RemoteOptions {
  readonly absent: boolean;
}

const EXAMPLES = `
Examples:
  d-engine cas counter 41 42
  d-engine cas lock --absent me

Ends with code 3 when the present value is another one. An empty EXPECTED means an empty
value; --absent means that the key must not exist.`;

export function addCasCommand(program: Command, io: CliIo, finish: Finish): void {
  const command = program
    .command("cas")
    .description("set a key if its present value is the expected one")
    .usage("[options] KEY EXPECTED NEW\n       d-engine cas [options] KEY --absent NEW")
    .argument("<key>")
    .argument("<values...>", "EXPECTED and NEW, or NEW alone with --absent")
    .option("--absent", "the key must not exist", false);
  addRemoteOptions(command)
    .addHelpText("after", EXAMPLES)
    .action((key: string, values: readonly string[], options: CasCommandOptions) =>
      finish("writes", options, () => compareAndSwap(key, values, options, io, command)),
    );
}

async function compareAndSwap(
  key: string,
  values: readonly string[],
  options: CasCommandOptions,
  io: CliIo,
  command: Command,
): Promise<ExitCode> {
  const wanted = options.absent ? 1 : 2;
  if (values.length !== wanted) {
    const form = options.absent ? "KEY --absent NEW" : "KEY EXPECTED NEW";
    command.error(`error: cas takes ${form}, got ${values.length + 1} arguments`);
  }
  const [expected, value = ""] = options.absent ? [undefined, values[0]] : values;
  const swapped = await withClient(options, (client) =>
    client.compareAndSwap(key, expected, value),
  );
  if (options.json) io.out(`${JSON.stringify({ key, swapped })}\n`);
  else if (swapped) io.out("swapped\n");
  else
    io.err(
      `d-engine: not swapped: ${JSON.stringify(key)} ${options.absent ? "exists" : "has another value"}`,
    );
  return swapped ? EXIT.ok : EXIT.negative;
}
