import type { AuthAdmin } from "@d-engine/client";
import type { Command } from "commander";
import type { CliIo } from "../cli-io.js";
import { EXIT, type ExitCode } from "../exit-codes.js";
import type { Finish } from "../finish.js";
import { addRemoteOptions, type RemoteOptions, withAuth } from "../remote-options.js";

const EXAMPLES = `
Examples:
  d-engine user add root
  d-engine user grant-role root root
  d-engine auth enable
  d-engine auth status --user root

From then on every request needs a user. Whoever was connected without one is refused.`;

export function addAuthCommand(program: Command, io: CliIo, finish: Finish): void {
  const auth = program.command("auth").description("ask for users, or stop asking");
  auth.addHelpText("after", EXAMPLES);
  const add = (
    name: string,
    description: string,
    effect: "reads" | "writes",
    run: (options: RemoteOptions) => Promise<ExitCode>,
  ): void => {
    addRemoteOptions(auth.command(name).description(description)).action((options: RemoteOptions) =>
      finish(effect, options, () => run(options)),
    );
  };
  add("enable", "ask everybody for a user from now on", "writes", async (options) => {
    await withAuth(options, (admin) => admin.enable());
    return report(options, io, true);
  });
  add("disable", "ask nobody any more: all may do everything", "writes", async (options) => {
    await withAuth(options, (admin) => admin.disable());
    return report(options, io, false);
  });
  add("status", "show whether users are asked for", "reads", async (options) => {
    return await withAuth(options, (admin) => status(admin, options, io));
  });
}

function report(options: RemoteOptions, io: CliIo, enabled: boolean): ExitCode {
  const human = enabled ? "ok, users are asked for" : "ok, nobody is asked for";
  io.out(options.json ? `${JSON.stringify({ enabled })}\n` : `${human}\n`);
  return EXIT.ok;
}

async function status(admin: AuthAdmin, options: RemoteOptions, io: CliIo): Promise<ExitCode> {
  const { enabled, revision, users, roles } = await admin.describe();
  if (options.json) {
    const counts = { enabled, revision, users: users.length, roles: roles.length };
    io.out(`${JSON.stringify(counts)}\n`);
    return EXIT.ok;
  }
  io.out(`users are ${enabled ? "asked for" : "not asked for"}\n`);
  io.out(`${users.length} users, ${roles.length} roles, ${revision} changes so far\n`);
  return EXIT.ok;
}
