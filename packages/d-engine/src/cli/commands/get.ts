import { type Command, Option } from "commander";
import type { CliIo } from "../cli-io.js";
import { EXIT, type ExitCode } from "../exit-codes.js";
import type { Finish } from "../finish.js";
import { escaped, jsonBytes, plainTextOf } from "../printable.js";
import {
  addConsistencyOption,
  consistencyOption,
  type ReadCommandOptions,
} from "../read-options.js";
import { addRemoteOptions, type RemoteOptions, withClient } from "../remote-options.js";

interface GetCommandOptions extends RemoteOptions, ReadCommandOptions {
  readonly raw?: boolean;
  readonly hex?: boolean;
  readonly base64?: boolean;
}

const EXAMPLES = `
Examples:
  d-engine get greeting
  d-engine get greeting --consistency eventual
  d-engine get picture --raw > picture.png
  d-engine get greeting --json

Ends with code 3 when the key does not exist.`;

export function addGetCommand(program: Command, io: CliIo, finish: Finish): void {
  const command = program.command("get").description("print the value of a key").argument("<key>");
  addConsistencyOption(command)
    .addOption(
      new Option("--raw", "the bytes as they are, without a line end").conflicts([
        "hex",
        "base64",
        "json",
      ]),
    )
    .addOption(new Option("--hex", "in hexadecimal").conflicts(["base64", "json"]))
    .addOption(new Option("--base64", "in base64").conflicts(["json"]));
  addRemoteOptions(command)
    .addHelpText("after", EXAMPLES)
    .action((key: string, options: GetCommandOptions) =>
      finish("reads", options, () => get(key, options, io)),
    );
}

async function get(key: string, options: GetCommandOptions, io: CliIo): Promise<ExitCode> {
  const value = await withClient(options, (client) => client.get(key, consistencyOption(options)));
  if (value === undefined) {
    if (options.json) io.out(`${JSON.stringify({ key, found: false })}\n`);
    else io.err(`d-engine: no key ${JSON.stringify(key)}`);
    return EXIT.negative;
  }
  print(key, value, options, io);
  return EXIT.ok;
}

function print(key: string, value: Uint8Array, options: GetCommandOptions, io: CliIo): void {
  if (options.json) {
    io.out(`${JSON.stringify({ key, found: true, ...jsonBytes("value", value) })}\n`);
  } else if (options.raw) {
    io.out(value);
  } else if (options.hex) {
    io.out(`${Buffer.from(value).toString("hex")}\n`);
  } else if (options.base64) {
    io.out(`${Buffer.from(value).toString("base64")}\n`);
  } else {
    printForPeople(value, io);
  }
}

function printForPeople(value: Uint8Array, io: CliIo): void {
  const text = plainTextOf(value);
  io.out(`${text ?? escaped(value)}\n`);
  if (text !== undefined) return;
  io.err(
    `d-engine: ${value.length} bytes that are not plain text, shown escaped; see --raw, --hex`,
  );
}
