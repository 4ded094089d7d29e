import type { RemoteClient } from "@d-engine/client";
import { type Command, Option } from "commander";
import type { CliIo } from "../cli-io.js";
import { EXIT, type ExitCode } from "../exit-codes.js";
import type { Finish } from "../finish.js";
import { addKeyOptions, isRange, type KeyOptions } from "../key-options.js";
import { readRevision } from "../numbers.js";
import { printRange } from "../print-range.js";
import { escaped, jsonBytes, plainTextOf } from "../printable.js";
import { addRangeShapeOptions, type RangeShapeOptions } from "../range-options.js";
import {
  addConsistencyOption,
  consistencyOption,
  type ReadCommandOptions,
} from "../read-options.js";
import { addRemoteOptions, type RemoteOptions, withClient } from "../remote-options.js";

interface GetCommandOptions
  extends RemoteOptions,
    ReadCommandOptions,
    KeyOptions,
    RangeShapeOptions {
  readonly rev?: number;
  readonly raw?: boolean;
  readonly hex?: boolean;
  readonly base64?: boolean;
}

const EXAMPLES = `
Examples:
  d-engine get greeting
  d-engine get greeting --consistency eventual
  d-engine get greeting --rev 12
  d-engine get picture --raw > picture.png
  d-engine get config/ --prefix
  d-engine get config/ --prefix --limit 10 --order descending --json
  d-engine get "" --prefix --count-only

Of several keys it prints one line each: the key, a tab, the value, written as scan does, or with
--json all that the store knows of them. Ends with code 3 when the one key does not exist.`;

/** Asks for more than one value, which the forms of one cannot show. */
const shapes = ["prefix", "rangeEnd", "limit", "order", "keysOnly", "countOnly"] as const;

export function addGetCommand(program: Command, io: CliIo, finish: Finish): void {
  const command = program
    .command("get")
    .description("print the value of a key, or all keys of a prefix or range")
    .argument("<key>");
  addRangeShapeOptions(addKeyOptions(command)).addOption(
    new Option("--rev <n>", "as it was after this revision").argParser(readRevision),
  );
  addConsistencyOption(command)
    .addOption(
      new Option("--raw", "the bytes as they are, without a line end").conflicts([
        "hex",
        "base64",
        "json",
        ...shapes,
      ]),
    )
    .addOption(new Option("--hex", "in hexadecimal").conflicts(["base64", "json", ...shapes]))
    .addOption(new Option("--base64", "in base64").conflicts(["json", ...shapes]));
  addRemoteOptions(command)
    .addHelpText("after", EXAMPLES)
    .action((key: string, options: GetCommandOptions) =>
      finish("reads", options, () => get(key, options, io)),
    );
}

async function get(key: string, options: GetCommandOptions, io: CliIo): Promise<ExitCode> {
  return await withClient(options, async (client) => {
    const { limit, order, keysOnly, countOnly } = options;
    const shaped = [limit, order, keysOnly, countOnly].some((given) => given !== undefined);
    if (isRange(options) || shaped) return await printRange(client, key, options, io);
    return await getOne(client, key, options, io);
  });
}

async function getOne(
  client: RemoteClient,
  key: string,
  options: GetCommandOptions,
  io: CliIo,
): Promise<ExitCode> {
  const value = await readValue(client, key, options);
  if (value === undefined) {
    const { rev } = options;
    const when = rev === undefined ? "" : ` at revision ${rev}`;
    if (options.json) io.out(`${JSON.stringify({ key, found: false })}\n`);
    else io.err(`d-engine: no key ${JSON.stringify(key)}${when}`);
    return EXIT.negative;
  }
  print(key, value, options, io);
  return EXIT.ok;
}

async function readValue(
  client: RemoteClient,
  key: string,
  options: GetCommandOptions,
): Promise<Uint8Array | undefined> {
  const { rev } = options;
  if (rev === undefined) return await client.get(key, consistencyOption(options));
  const { entries } = await client.range(key, { ...consistencyOption(options), revision: rev });
  return entries[0]?.value;
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
