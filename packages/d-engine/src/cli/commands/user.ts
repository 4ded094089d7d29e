import type { AuthUser } from "@d-engine/client";
import { EngineError } from "@d-engine/core";
import type { Command } from "commander";
import type { CliIo } from "../cli-io.js";
import { EXIT, type ExitCode } from "../exit-codes.js";
import type { Finish } from "../finish.js";
import { type NewPasswordOptions, readNewPassword } from "../new-password.js";
import { addRemoteOptions, type RemoteOptions, withAuth } from "../remote-options.js";
import { authChanges } from "../run-auth.js";

const EXAMPLES = `
Examples:
  d-engine user add alice
  d-engine user add ci --no-password
  d-engine user create-token ci build > token
  d-engine user grant-role alice readers
  d-engine user passwd alice --new-password-file ./secret
  d-engine user list

A password is asked for at a terminal, twice, and read from the standard input otherwise.`;

type AddOptions = RemoteOptions & NewPasswordOptions & { readonly password: boolean };

export function addUserCommand(program: Command, io: CliIo, finish: Finish): void {
  const user = program.command("user").description("users, their passwords, roles and tokens");
  user.addHelpText("after", EXAMPLES);
  const command = (name: string, description: string): Command =>
    addRemoteOptions(user.command(name).description(description));
  const change = authChanges(io, finish);
  addNewPasswordOption(command("add", "add a user").argument("<name>"))
    .option("--no-password", "it can have tokens alone")
    .action((name: string, options: AddOptions) =>
      change(options, `user ${name} added`, async (auth) => {
        if (options.password === false) await auth.addUser(name);
        else await auth.addUser(name, { password: await readNewPassword(name, options, io) });
      }),
    );
  command("delete", "delete a user, with its tokens")
    .argument("<name>")
    .action((name: string, options: RemoteOptions) =>
      change(options, `user ${name} deleted`, (auth) => auth.deleteUser(name)),
    );
  addNewPasswordOption(command("passwd", "change a password").argument("<name>")).action(
    (name: string, options: RemoteOptions & NewPasswordOptions) =>
      change(options, `password of ${name} changed`, async (auth) =>
        auth.setPassword(name, await readNewPassword(name, options, io)),
      ),
  );
  command("grant-role", "give a user a role; root may do everything")
    .argument("<user>")
    .argument("<role>")
    .action((name: string, role: string, options: RemoteOptions) =>
      change(options, `user ${name} has role ${role}`, (auth) => auth.grantRole(name, role)),
    );
  command("revoke-role", "take a role from a user")
    .argument("<user>")
    .argument("<role>")
    .action((name: string, role: string, options: RemoteOptions) =>
      change(options, `user ${name} has no role ${role}`, (auth) => auth.revokeRole(name, role)),
    );
  command("create-token", "print a token for a program, good until it is deleted")
    .argument("<user>")
    .argument("<token-name>")
    .action((name: string, id: string, options: RemoteOptions) =>
      finish("writes", options, async () => {
        const token = await withAuth(options, (auth) => auth.createToken(name, id));
        io.out(options.json ? `${JSON.stringify({ token })}\n` : `${token}\n`);
        return EXIT.ok;
      }),
    );
  command("delete-token", "delete a token")
    .argument("<user>")
    .argument("<token-name>")
    .action((name: string, id: string, options: RemoteOptions) =>
      change(options, `token ${id} of ${name} deleted`, (auth) => auth.deleteToken(name, id)),
    );
  command("list", "list the users").action((options: RemoteOptions) =>
    finish("reads", options, () => list(options, io)),
  );
  command("get", "show one user")
    .argument("<name>")
    .action((name: string, options: RemoteOptions) =>
      finish("reads", options, () => get(name, options, io)),
    );
}

function addNewPasswordOption(command: Command): Command {
  return command.option("--new-password-file <path>", "holds the new password");
}

async function list(options: RemoteOptions, io: CliIo): Promise<ExitCode> {
  const { users } = await withAuth(options, (auth) => auth.describe());
  if (options.json) io.out(`${JSON.stringify({ users })}\n`);
  else for (const user of users) io.out(`${lineOf(user)}\n`);
  return EXIT.ok;
}

async function get(name: string, options: RemoteOptions, io: CliIo): Promise<ExitCode> {
  const { users } = await withAuth(options, (auth) => auth.describe());
  const user = users.find((one) => one.name === name);
  if (user === undefined) {
    throw new EngineError("INVALID_REQUEST", `there is no user ${JSON.stringify(name)} to be seen`);
  }
  io.out(options.json ? `${JSON.stringify(user)}\n` : `${lineOf(user)}\n`);
  return EXIT.ok;
}

function lineOf({ name, roles, tokens, hasPassword }: AuthUser): string {
  const parts = [
    name,
    roles.length === 0 ? "no roles" : `roles ${roles.join(", ")}`,
    hasPassword ? "password" : "no password",
    ...(tokens.length === 0 ? [] : [`tokens ${tokens.join(", ")}`]),
  ];
  return parts.join("\t");
}
