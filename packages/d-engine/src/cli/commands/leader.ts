import type { Command } from "commander";
import type { CliIo } from "../cli-io.js";
import { EXIT, type ExitCode } from "../exit-codes.js";
import type { Finish } from "../finish.js";
import { readId } from "../node-ids.js";
import { addRemoteOptions, type RemoteOptions, withAdmin } from "../remote-options.js";

const EXAMPLES = `
Examples:
  d-engine leader transfer 2
  d-engine leader transfer 2 --endpoints 10.0.0.1:9081`;

export function addLeaderCommand(program: Command, io: CliIo, finish: Finish): void {
  const leader = program.command("leader").description("choose who leads");
  leader.addHelpText("after", EXAMPLES);
  const transfer = leader
    .command("transfer")
    .description("hand leadership to another voter; writes wait for a moment and none is lost")
    .argument("<id>", "the id of a voter", readId);
  addRemoteOptions(transfer).action((id: number, options: RemoteOptions) =>
    finish("writes", options, () => run(id, options, io)),
  );
}

async function run(id: number, options: RemoteOptions, io: CliIo): Promise<ExitCode> {
  await withAdmin(options, (admin) => admin.transferLeadership(id));
  io.out(options.json ? `${JSON.stringify({ leaderId: id })}\n` : `ok, node ${id} leads\n`);
  return EXIT.ok;
}
