import { type Command, Option } from "commander";
import type { CliIo } from "../cli-io.js";
import type { Finish } from "../finish.js";
import { readDurationMs } from "../numbers.js";
import { addRemoteOptions } from "../remote-options.js";
import { type HeldCommandOptions, runHeldCommand } from "../run-held-command.js";

const LOCK_HELP = `
Examples:
  d-engine lock invoices -- ./render-invoices.sh
  d-engine lock invoices --wait 30s -- sh -c 'curl -H "Token: $D_ENGINE_TOKEN" ...'

The command finds the fencing token in D_ENGINE_TOKEN: higher than that of everybody who held the
lock before. When the lock is lost while it runs, by a machine that slept for instance, it is sent
SIGTERM, after --kill-after SIGKILL, and the exit code is 5; otherwise it is that of the command.
SIGINT and SIGTERM are passed on. Output is that of the command.`;

const ELECT_HELP = `
Examples:
  d-engine elect reports -- ./write-reports.sh
  d-engine elect reports --value 10.0.0.7:8080 -- ./serve.sh

As lock, but in an election: programs see who leads by its value. Run it on every machine that can do
the work; when the command ends, or its machine dies, the next one begins.`;

export function addLockCommand(program: Command, io: CliIo, finish: Finish): void {
  const command = program
    .command("lock")
    .description("run a command while a lock is held, one in the cluster at a time")
    .argument("<name>", "the lock");
  addHeld(command, LOCK_HELP).action(
    (name: string, run: readonly string[], options: HeldCommandOptions) =>
      finish("reads", options, () => runHeldCommand("lock", name, run, options, io)),
  );
}

export function addElectCommand(program: Command, io: CliIo, finish: Finish): void {
  const command = program
    .command("elect")
    .description("run a command while this machine leads an election")
    .argument("<name>", "the election");
  addHeld(command, ELECT_HELP)
    .option("--value <text>", "what others see of this candidate when it leads", "")
    .action((name: string, run: readonly string[], options: HeldCommandOptions) =>
      finish("reads", options, () => runHeldCommand("elect", name, run, options, io)),
    );
}

function addHeld(command: Command, help: string): Command {
  command
    .argument("<command...>", "what to run, behind --")
    .addOption(
      new Option(
        "--ttl <time>",
        "after which it goes to the next when this machine dies",
      ).argParser(readDurationMs),
    )
    .addOption(
      new Option(
        "--wait <time>",
        "how long to wait for it (default: as long as it takes)",
      ).argParser(readDurationMs),
    )
    .addOption(
      new Option("--kill-after <time>", "between SIGTERM and SIGKILL when it is lost")
        .argParser(readDurationMs)
        .default(10_000, "10s"),
    )
    .addHelpText("after", help);
  return addRemoteOptions(command);
}
