import type { ClusterMembers, MemberInfo } from "@d-engine/client";
import { type Command, InvalidArgumentError, Option } from "commander";
import type { CliIo } from "../cli-io.js";
import { EXIT, type ExitCode } from "../exit-codes.js";
import type { Finish } from "../finish.js";
import { readId, readIds } from "../node-ids.js";
import { addRemoteOptions, type RemoteOptions, withAdmin } from "../remote-options.js";

interface ChangeCommandOptions extends RemoteOptions {
  readonly ifVersion?: number;
}

interface AddCommandOptions extends ChangeCommandOptions {
  readonly readOnly: boolean;
}

const EXAMPLES = `
Examples:
  d-engine member list
  d-engine member add 4 10.0.0.4:9081
  d-engine member promote 4 5
  d-engine member remove 3 --if-version 17

A change is refused while another one is under way, and when it would leave no majority that
answers. Several voters change together, all of them or none.`;

export function addMemberCommand(program: Command, io: CliIo, finish: Finish): void {
  const member = program.command("member").description("see and change who belongs to the cluster");
  member.addHelpText("after", EXAMPLES);
  addRemoteOptions(
    member.command("list").description("show the members, who votes and who leads"),
  ).action((options: RemoteOptions) => finish("reads", options, () => list(options, io)));
  addChangeOptions(
    member
      .command("add")
      .description("admit a node as a learner; it votes when it has caught up")
      .argument("<id>", "the id of the new node", readId)
      .argument("<host:port>", "where the others and clients reach it")
      .option("--read-only", "it serves reads and never votes", false),
  ).action((id: number, address: string, options: AddCommandOptions) =>
    finish("writes", options, () => add(id, address, options, io)),
  );
  addChangeOptions(
    member
      .command("remove")
      .description("remove members; their nodes stop when they learn of it")
      .argument("<id...>", "ids of members", readIds),
  ).action((ids: readonly number[], options: ChangeCommandOptions) =>
    finish("writes", options, () => remove(ids, options, io)),
  );
  addChangeOptions(
    member
      .command("promote")
      .description("make learners voters, now")
      .argument("<id...>", "ids of learners", readIds),
  ).action((ids: readonly number[], options: ChangeCommandOptions) =>
    finish("writes", options, () => promote(ids, options, io)),
  );
}

async function list(options: RemoteOptions, io: CliIo): Promise<ExitCode> {
  const members = await withAdmin(options, (admin) => admin.members());
  if (options.json) io.out(`${JSON.stringify(jsonMembers(members))}\n`);
  else io.out(`${humanMembers(members).join("\n")}\n`);
  return EXIT.ok;
}

async function add(
  id: number,
  address: string,
  options: AddCommandOptions,
  io: CliIo,
): Promise<ExitCode> {
  const status = options.readOnly ? "readOnly" : "promotable";
  const { version } = await withAdmin(options, (admin) =>
    admin.addMember({ id, address, status }, versionOption(options)),
  );
  const start = `d-engine start --data-dir ./data-${id} --node-id ${id} --advertise ${address}`;
  const next = `start it with: ${start} --join ${options.endpoints.join(",")}`;
  report(options, io, version, `node ${id} at ${address} is a learner; ${next}`);
  return EXIT.ok;
}

async function remove(
  ids: readonly number[],
  options: ChangeCommandOptions,
  io: CliIo,
): Promise<ExitCode> {
  const { version } = await withAdmin(options, (admin) =>
    admin.removeMember(ids, versionOption(options)),
  );
  report(options, io, version, `removed node ${ids.join(", ")}`);
  return EXIT.ok;
}

async function promote(
  ids: readonly number[],
  options: ChangeCommandOptions,
  io: CliIo,
): Promise<ExitCode> {
  const { version } = await withAdmin(options, (admin) =>
    admin.promoteMember(ids, versionOption(options)),
  );
  report(options, io, version, `node ${ids.join(", ")} votes`);
  return EXIT.ok;
}

function addChangeOptions(command: Command): Command {
  return addRemoteOptions(command).addOption(
    new Option(
      "--if-version <n>",
      "refuse unless the members are those of this version (see member list)",
    ).argParser(readVersion),
  );
}

function readVersion(text: string): number {
  if (/^\d{1,15}$/.test(text)) return Number(text);
  throw new InvalidArgumentError("It must be a version as member list shows it.");
}

function versionOption({ ifVersion }: ChangeCommandOptions): { readonly version?: number } {
  return ifVersion === undefined ? {} : { version: ifVersion };
}

function report(options: RemoteOptions, io: CliIo, version: number, done: string): void {
  if (options.json) io.out(`${JSON.stringify({ version })}\n`);
  else io.out(`ok, version ${version}: ${done}\n`);
}

function jsonMembers({ version, leaderId, members }: ClusterMembers): object {
  return { version, leaderId: leaderId ?? null, members };
}

function humanMembers({ version, leaderId, members }: ClusterMembers): readonly string[] {
  const leader = leaderId === undefined ? "nobody leads" : `node ${leaderId} leads`;
  const lines = members.map((member) => `member     ${memberLine(member)}`);
  return [`version    ${version}, ${leader}`, ...lines];
}

function memberLine({ id, address, status }: MemberInfo): string {
  const standing = {
    active: "voter",
    promotable: "learner, to be a voter",
    readOnly: "learner for good",
  };
  return `node ${id} at ${address}, ${standing[status]}`;
}
