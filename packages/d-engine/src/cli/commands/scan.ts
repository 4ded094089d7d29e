import type { Command } from "commander";
import type { CliIo } from "../cli-io.js";
import { EXIT, type ExitCode } from "../exit-codes.js";
import type { Finish } from "../finish.js";
import { escaped, jsonBytes } from "../printable.js";
import {
  addConsistencyOption,
  consistencyOption,
  type ReadCommandOptions,
} from "../read-options.js";
import { addRemoteOptions, type RemoteOptions, withClient } from "../remote-options.js";

interface ScanCommandOptions extends RemoteOptions, ReadCommandOptions {
  readonly keysOnly: boolean;
}

const EXAMPLES = `
Examples:
  d-engine scan
  d-engine scan config/
  d-engine scan config/ --json

One line per key: the key, a tab, the value. A backslash, line ends, tabs and bytes that are
not text are written as \\\\, \\n, \\t and \\xNN, so a line stands for exactly one pair.`;

export function addScanCommand(program: Command, io: CliIo, finish: Finish): void {
  const command = program
    .command("scan")
    .description("print all keys that begin with a prefix, in order")
    .argument("[prefix]", "everything without it", "")
    .option("--keys-only", "leave the values out", false);
  addRemoteOptions(addConsistencyOption(command))
    .addHelpText("after", EXAMPLES)
    .action((prefix: string, options: ScanCommandOptions) =>
      finish("reads", options, () => scan(prefix, options, io)),
    );
}

async function scan(prefix: string, options: ScanCommandOptions, io: CliIo): Promise<ExitCode> {
  const { entries, revision } = await withClient(options, (client) =>
    client.scanPrefix(prefix, consistencyOption(options)),
  );
  if (options.json) {
    const shown = entries.map(({ key, value }) => ({
      ...jsonBytes("key", key),
      ...(options.keysOnly ? {} : jsonBytes("value", value)),
    }));
    io.out(`${JSON.stringify({ revision, entries: shown })}\n`);
  } else {
    for (const { key, value } of entries) {
      io.out(options.keysOnly ? `${escaped(key)}\n` : `${escaped(key)}\t${escaped(value)}\n`);
    }
  }
  return EXIT.ok;
}
