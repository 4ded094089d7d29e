import type { AuthRole } from "@d-engine/client";
import { EngineError } from "@d-engine/core";
import { Argument, type Command } from "commander";
import type { CliIo } from "../cli-io.js";
import { EXIT, type ExitCode } from "../exit-codes.js";
import type { Finish } from "../finish.js";
import { addKeyOptions, type KeyOptions, selectionOf } from "../key-options.js";
import { escaped, jsonBytes } from "../printable.js";
import { addRemoteOptions, type RemoteOptions, withAuth } from "../remote-options.js";
import { authChanges } from "../run-auth.js";

const EXAMPLES = `
Examples:
  d-engine role add readers
  d-engine role grant-permission readers read config/ --prefix
  d-engine role grant-permission writers readwrite jobs/ --prefix
  d-engine role revoke-permission readers config/ --prefix
  d-engine role get readers`;

type Right = "read" | "write" | "readwrite";
type PermissionOptions = RemoteOptions & KeyOptions;

export function addRoleCommand(program: Command, io: CliIo, finish: Finish): void {
  const role = program.command("role").description("roles, and what they may read and write");
  role.addHelpText("after", EXAMPLES);
  const command = (name: string, description: string): Command =>
    addRemoteOptions(role.command(name).description(description)).argument("<role>");
  const change = authChanges(io, finish);
  command("add", "add a role, which may do nothing yet").action(
    (name: string, options: RemoteOptions) =>
      change(options, `role ${name} added`, (auth) => auth.addRole(name)),
  );
  command("delete", "delete a role, and take it from its users").action(
    (name: string, options: RemoteOptions) =>
      change(options, `role ${name} deleted`, (auth) => auth.deleteRole(name)),
  );
  addKeyOptions(
    command("grant-permission", "let a role read or write keys")
      .addArgument(new Argument("<right>").choices(["read", "write", "readwrite"]))
      .argument("<key>"),
  ).action((name: string, right: Right, key: string, options: PermissionOptions) =>
    change(options, `role ${name} may ${right} there`, (auth) =>
      auth.grantPermission(name, right, selectionOf(key, options)),
    ),
  );
  addKeyOptions(
    command(
      "revoke-permission",
      "take back a permission, for just the keys it was given for",
    ).argument("<key>"),
  ).action((name: string, key: string, options: PermissionOptions) =>
    change(options, `role ${name} has lost that permission`, (auth) =>
      auth.revokePermission(name, selectionOf(key, options)),
    ),
  );
  addRemoteOptions(role.command("list").description("list the roles")).action(
    (options: RemoteOptions) => finish("reads", options, () => list(options, io)),
  );
  command("get", "show what a role may do").action((name: string, options: RemoteOptions) =>
    finish("reads", options, () => get(name, options, io)),
  );
}

async function list(options: RemoteOptions, io: CliIo): Promise<ExitCode> {
  const { roles } = await withAuth(options, (auth) => auth.describe());
  if (options.json) io.out(`${JSON.stringify({ roles: roles.map(jsonOf) })}\n`);
  else
    for (const { name, permissions } of roles)
      io.out(`${name}\t${permissions.length} permissions\n`);
  return EXIT.ok;
}

async function get(name: string, options: RemoteOptions, io: CliIo): Promise<ExitCode> {
  const { roles } = await withAuth(options, (auth) => auth.describe());
  const role = roles.find((one) => one.name === name);
  if (role === undefined) {
    throw new EngineError("INVALID_REQUEST", `there is no role ${JSON.stringify(name)} to be seen`);
  }
  if (options.json) io.out(`${JSON.stringify(jsonOf(role))}\n`);
  else for (const permission of role.permissions) io.out(`${lineOf(permission)}\n`);
  return EXIT.ok;
}

function lineOf({ right, key, end }: AuthRole["permissions"][number]): string {
  if (end === undefined) return `${right}\t${escaped(key)}`;
  return `${right}\tfrom ${escaped(key)} ${end.length === 0 ? "on" : `up to ${escaped(end)}`}`;
}

function jsonOf({ name, permissions }: AuthRole): object {
  return {
    name,
    permissions: permissions.map(({ right, key, end }) => ({
      right,
      ...jsonBytes("key", key),
      ...(end === undefined ? {} : jsonBytes("rangeEnd", end)),
    })),
  };
}
