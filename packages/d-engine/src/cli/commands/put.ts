import { readFile } from "node:fs/promises";
import type { Bytes } from "@d-engine/client";
import { EngineError } from "@d-engine/core";
import type { Command } from "commander";
import type { CliIo } from "../cli-io.js";
import { EXIT, type ExitCode } from "../exit-codes.js";
import type { Finish } from "../finish.js";
import { addRemoteOptions, type RemoteOptions, withClient } from "../remote-options.js";

interface PutCommandOptions extends RemoteOptions {
  readonly file?: string;
}

/** Far above what a node takes; only keeps a stray pipe from filling the memory. */
const inputBytesMax = 64 * 1024 * 1024;

const EXAMPLES = `
Examples:
  d-engine put greeting hello
  d-engine put config --file config.json
  date | d-engine put last-run -`;

export function addPutCommand(program: Command, io: CliIo, finish: Finish): void {
  const command = program
    .command("put")
    .description("set a key")
    .argument("<key>")
    .argument("[value]", "- reads it from standard input, byte for byte")
    .option("-f, --file <path>", "read the value from a file, byte for byte");
  addRemoteOptions(command)
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
  const { revision } = await withClient(options, (client) => client.put(key, bytes));
  io.out(options.json ? `${JSON.stringify({ key, revision })}\n` : `ok, revision ${revision}\n`);
  return EXIT.ok;
}

async function readValue(
  value: string | undefined,
  file: string | undefined,
  io: CliIo,
): Promise<Bytes> {
  if (file !== undefined) return await readValueFile(file);
  if (value !== "-") return value ?? "";
  const bytes = await io.readStdin(inputBytesMax);
  if (bytes.length <= inputBytesMax) return bytes;
  throw new EngineError("INVALID_REQUEST", `standard input has more than ${inputBytesMax} bytes`);
}

async function readValueFile(file: string): Promise<Uint8Array> {
  try {
    return await readFile(file);
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new EngineError("INVALID_REQUEST", `cannot read ${file}: ${why}`, { cause });
  }
}
