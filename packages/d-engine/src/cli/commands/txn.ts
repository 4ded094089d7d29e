import type { Command } from "commander";
import type { CliIo } from "../cli-io.js";
import type { Finish } from "../finish.js";
import { addRemoteOptions } from "../remote-options.js";
import { runTxn, type TxnCommandOptions } from "../run-txn.js";

const EXAMPLES = `
Examples:
  d-engine txn script.txt
  printf 'missing("owner")\\n\\nput owner me\\n\\nget owner\\n' | d-engine txn
  echo '{"then": [{"kind": "put", "key": "a", "value": "1"}]}' | d-engine txn --json

A script has three parts with an empty line between: comparisons, steps for when all of them
hold, steps for when not. Lines that begin with # say nothing.

  value("config/owner") = "me"      also !=, <, >; and version, create, mod, lease with a number
  exists("config/rate")             or missing("…")

  put config/rate 200 --ttl 30s     as the commands of these names
  del config/old/ --prefix

  get config/ --prefix

Words with spaces stand in quotes; in double quotes \\n, \\t, \\\\, \\" and \\xNN are what the other
commands print so. In JSON: {"if": […], "then": […], "else": […]} as in the API, bytes as
{"base64": "…"}. All of it happens, at one revision, or nothing does. Ends with code 3 when the
comparisons did not hold.`;

export function addTxnCommand(program: Command, io: CliIo, finish: Finish): void {
  const command = program
    .command("txn")
    .description("compare, and do one thing or another, at one point of the log")
    .argument("[file]", "the script; standard input without it, or with -", "-");
  addRemoteOptions(command)
    .addHelpText("after", EXAMPLES)
    .action((file: string, options: TxnCommandOptions) =>
      finish("writes", options, () => runTxn(file, options, io)),
    );
}
