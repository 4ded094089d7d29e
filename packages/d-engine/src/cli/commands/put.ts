import type { Bytes } from "@d-engine/client";
import type { Command } from "commander";
import type { CliIo } from "../cli-io.js";
import { EXIT, type ExitCode } from "../exit-codes.js";
import type { Finish } from "../finish.js";
import { addLifetimeOptions, type LifetimeOptions, lifetimeOf } from "../lifetime-options.js";
import { readInputFile, readStdin } from "../read-input.js";
import { addRemoteOptions, type RemoteOptions, withClient } from "../remote-options.js";

interface PutCommandOptions extends RemoteOptions, LifetimeOptions {
  readonly file?: string;
}

const EXAMPLES = `
Examples:
  d-engine put greeting hello
  d-engine put config --file config.json
  d-engine put session/7 alice --ttl 30s
  d-engine put service/a 10.0.0.7:80 --lease 42
  date | d-engine put last-run -

Without --ttl and --lease the key stays, also when it had one of them before.`;

export function addPutCommand(program: Command, io: CliIo, finish: Finish): void {
  const command = program
    .command("put")
    .description("set a key")
    .argument("<key>")
    .argument("[value]", "- reads it from standard input, byte for byte")
    .option("-f, --file <path>", "read the value from a file, byte for byte");
  addRemoteOptions(addLifetimeOptions(command))
    .addHelpText("after", EXAMPLES)
    .action((key: string, value: string | undefined, options: PutCommandOptions) =>
      finish("writes", options, () => put(key, value, options, io, command)),
    );
}

async function put(
  key: string,
  value: string | undefined,
  options: PutCommandOptions,
  io: CliIo,
  command: Command,
): Promise<ExitCode> {
  if ((value === undefined) === (options.file === undefined)) {
    command.error("error: give either a value or --file");
  }
  const bytes = await readValue(value, options.file, io);
  const { revision } = await withClient(options, (client) =>
    client.put(key, bytes, lifetimeOf(options)),
  );
  io.out(options.json ? `${JSON.stringify({ key, revision })}\n` : `ok, revision ${revision}\n`);
  return EXIT.ok;
}

async function readValue(
  value: string | undefined,
  file: string | undefined,
  io: CliIo,
): Promise<Bytes> {
  if (file !== undefined) return await readInputFile(file);
  return value === "-" ? await readStdin(io) : (value ?? "");
}
