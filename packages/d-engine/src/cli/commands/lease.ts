import type { Command } from "commander";
import { Option } from "commander";
import type { CliIo } from "../cli-io.js";
import type { Finish } from "../finish.js";
import { readDurationMs, readLeaseId } from "../numbers.js";
import { addRemoteOptions, type RemoteOptions } from "../remote-options.js";
import {
  type GrantCommandOptions,
  grantLease,
  keepLeaseAlive,
  listLeases,
  revokeLease,
  showLease,
  type TimeToLiveCommandOptions,
} from "../run-lease.js";

const EXAMPLES = `
Examples:
  d-engine lease grant 30s
  d-engine put service/a 10.0.0.7:80 --lease 42
  d-engine lease keep-alive 42
  d-engine lease time-to-live 42 --keys
  d-engine lease revoke 42

Keys put with a lease are deleted when it ends: when it is revoked, or when its time has passed
since it was granted or kept alive last. Ends with code 3 when there is no such lease.`;

export function addLeaseCommand(program: Command, io: CliIo, finish: Finish): void {
  const lease = program.command("lease").description("grant, keep and end leases");
  lease.addHelpText("after", EXAMPLES);
  addGrant(lease, io, finish);
  addKeepAlive(lease, io, finish);
  addTimeToLive(lease, io, finish);
  addRemoteOptions(
    lease
      .command("revoke")
      .description("end a lease now, and its keys with it")
      .argument("<id>", "the lease", readLeaseId),
  ).action((id: number, options: RemoteOptions) =>
    finish("writes", options, () => revokeLease(id, options, io)),
  );
  addRemoteOptions(lease.command("list").description("print the ids of all leases")).action(
    (options: RemoteOptions) => finish("reads", options, () => listLeases(options, io)),
  );
}

function addGrant(lease: Command, io: CliIo, finish: Finish): void {
  const grant = lease
    .command("grant")
    .description("make a lease; nobody keeps it alive until somebody does")
    .argument("<time>", "how long it lives without being kept alive, as 30s", readDurationMs)
    .addOption(
      new Option("--id <id>", "its id (default: the store chooses)").argParser(readLeaseId),
    );
  addRemoteOptions(grant).action((ttlMs: number, options: GrantCommandOptions) =>
    finish("writes", options, () => grantLease(ttlMs, options, io)),
  );
}

function addKeepAlive(lease: Command, io: CliIo, finish: Finish): void {
  const keepAlive = lease
    .command("keep-alive")
    .description("keep a lease alive until this command is stopped")
    .argument("<id>", "the lease", readLeaseId)
    .option("--once", "renew it once", false);
  addRemoteOptions(keepAlive).action(
    (id: number, options: RemoteOptions & { readonly once: boolean }) =>
      finish("writes", options, () => keepLeaseAlive(id, options, io)),
  );
}

function addTimeToLive(lease: Command, io: CliIo, finish: Finish): void {
  const timeToLive = lease
    .command("time-to-live")
    .description("print how much time is left to a lease")
    .argument("<id>", "the lease", readLeaseId)
    .option("--keys", "and its keys", false);
  addRemoteOptions(timeToLive).action((id: number, options: TimeToLiveCommandOptions) =>
    finish("reads", options, () => showLease(id, options, io)),
  );
}
