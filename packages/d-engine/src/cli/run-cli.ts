import { readFileSync } from "node:fs";
import { Command, CommanderError } from "commander";
import type { CliIo } from "./cli-io.js";
import { addAuthCommand } from "./commands/auth.js";
import { addCasCommand } from "./commands/cas.js";
import { addCompactCommand } from "./commands/compact.js";
import { addConfigCommand } from "./commands/config.js";
import { addDeleteCommand } from "./commands/delete.js";
import { addGetCommand } from "./commands/get.js";
import { addLeaderCommand } from "./commands/leader.js";
import { addLeaseCommand } from "./commands/lease.js";
import { addElectCommand, addLockCommand } from "./commands/lock.js";
import { addMemberCommand } from "./commands/member.js";
import { addPutCommand } from "./commands/put.js";
import { addRoleCommand } from "./commands/role.js";
import { addScanCommand } from "./commands/scan.js";
import { addSnapshotCommand } from "./commands/snapshot.js";
import { addStartCommand } from "./commands/start.js";
import { addStatusCommand } from "./commands/status.js";
import { addTxnCommand } from "./commands/txn.js";
import { addUserCommand } from "./commands/user.js";
import { addWatchCommand } from "./commands/watch.js";
import { EXIT, type ExitCode } from "./exit-codes.js";
import type { Finish } from "./finish.js";
import { reportError } from "./report-error.js";

const EXIT_CODES = `
Exit codes:
  0  done
  1  failed, without effect; one line on stderr says why
  2  wrong arguments
  3  the key or lease does not exist, or a comparison did not hold
  4  a write was sent and its answer is missing: it may or may not take effect
  5  a lock was lost while its command ran; lock and elect end with the code of the command otherwise

Examples:
  d-engine start --data-dir ./data
  d-engine put greeting hello
  d-engine get greeting
  d-engine <command> --help`;

/**
 * Runs one command line (without the interpreter and script of `process.argv`) and resolves with
 * its exit code. Never rejects.
 */
export async function runCli(args: readonly string[], io: CliIo): Promise<ExitCode> {
  let exitCode: ExitCode = EXIT.ok;
  const finish: Finish = async (effect, { json }, work) => {
    try {
      exitCode = await work();
    } catch (error) {
      if (error instanceof CommanderError) throw error;
      exitCode = reportError(error, io, { json, effect });
    }
  };
  const program = buildProgram(io, finish);
  try {
    await program.parseAsync(args, { from: "user" });
    return exitCode;
  } catch (error) {
    if (!(error instanceof CommanderError))
      return reportError(error, io, { json: false, effect: "reads" });
    // Help and version end the parser in the same way, with code 0.
    return error.exitCode === 0 ? EXIT.ok : EXIT.usage;
  }
}

function buildProgram(io: CliIo, finish: Finish): Command {
  const program = new Command("d-engine")
    .description("A durable, strongly consistent key-value store: run a node, or talk to one.")
    .version(version())
    .showHelpAfterError("(--help shows what is possible)")
    .addHelpText("after", EXIT_CODES)
    .exitOverride()
    .configureOutput({
      writeOut: (text) => io.out(text),
      writeErr: (text) => io.err(text.trimEnd()),
    });
  // Subcommands take over output and exit from the program as it is when they are added.
  addStartCommand(program, io, finish);
  addConfigCommand(program, io, finish);
  addPutCommand(program, io, finish);
  addGetCommand(program, io, finish);
  addDeleteCommand(program, io, finish);
  addCasCommand(program, io, finish);
  addScanCommand(program, io, finish);
  addTxnCommand(program, io, finish);
  addWatchCommand(program, io, finish);
  addLeaseCommand(program, io, finish);
  addLockCommand(program, io, finish);
  addElectCommand(program, io, finish);
  addCompactCommand(program, io, finish);
  addStatusCommand(program, io, finish);
  addMemberCommand(program, io, finish);
  addLeaderCommand(program, io, finish);
  addSnapshotCommand(program, io, finish);
  addAuthCommand(program, io, finish);
  addUserCommand(program, io, finish);
  addRoleCommand(program, io, finish);
  return program;
}

function version(): string {
  const manifest = readFileSync(new URL("../../package.json", import.meta.url), "utf8");
  return (JSON.parse(manifest) as { readonly version: string }).version;
}
