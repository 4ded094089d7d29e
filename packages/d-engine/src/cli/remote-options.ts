import {
  type AuthAdmin,
  type ClusterAdmin,
  type ConnectOptions,
  connect,
  connectAdmin,
  connectAuth,
  parseEndpoints,
  type RemoteClient,
} from "@d-engine/client";
import { type Command, InvalidArgumentError, Option } from "commander";
import {
  addCredentialOptions,
  type CredentialCommandOptions,
  readCredentials,
} from "./credential-options.js";
import { addTlsOptions, readTls, type TlsCommandOptions } from "./tls-options.js";

/** Options of every command that talks to a cluster. */
export interface RemoteOptions extends CredentialCommandOptions, TlsCommandOptions {
  readonly endpoints: readonly string[];
  readonly timeout: number;
  readonly json: boolean;
}

/** A consistent set of them for each command, with the same words in each help text. */
export function addRemoteOptions(command: Command): Command {
  return addTlsOptions(addCredentialOptions(command))
    .addOption(
      new Option("-e, --endpoints <list>", "nodes to ask, HOST:PORT separated by commas")
        .argParser(readEndpoints)
        .default(["127.0.0.1:9081"], "127.0.0.1:9081")
        .env("D_ENGINE_ENDPOINTS"),
    )
    .addOption(
      new Option("-t, --timeout <ms>", "milliseconds until the command gives up")
        .argParser(readMilliseconds)
        .default(5_000),
    )
    .option("--json", "print one JSON object, for programs", false);
}

/** Connects, runs `use`, and closes whatever came of it. `signal` aborts the connecting. */
export async function withClient<Result>(
  { endpoints, timeout, ...who }: RemoteOptions,
  use: (client: RemoteClient) => Promise<Result>,
  signal?: AbortSignal,
): Promise<Result> {
  const credentials = { ...(await readCredentials(who)), ...(await readTls(who)) };
  const bounds = { timeoutMs: timeout, readyTimeoutMs: timeout, ...credentials };
  const options: ConnectOptions = signal === undefined ? bounds : { ...bounds, signal };
  await using client = await connect(endpoints, options);
  return await use(client);
}

/** The same for what operators do, which may also work without a leader. */
export async function withAdmin<Result>(
  { endpoints, timeout, ...who }: RemoteOptions,
  use: (admin: ClusterAdmin) => Promise<Result>,
): Promise<Result> {
  await using admin = connectAdmin(endpoints, {
    timeoutMs: timeout,
    ...(await readCredentials(who)),
    ...(await readTls(who)),
  });
  return await use(admin);
}

/** The same for users and roles. */
export async function withAuth<Result>(
  { endpoints, timeout, ...who }: RemoteOptions,
  use: (auth: AuthAdmin) => Promise<Result>,
): Promise<Result> {
  await using auth = connectAuth(endpoints, {
    timeoutMs: timeout,
    ...(await readCredentials(who)),
    ...(await readTls(who)),
  });
  return await use(auth);
}

function readEndpoints(text: string): readonly string[] {
  try {
    return parseEndpoints(text.split(",").filter((part) => part.trim() !== ""));
  } catch (error) {
    throw new InvalidArgumentError(error instanceof Error ? error.message : String(error));
  }
}

function readMilliseconds(text: string): number {
  const value = Number(text);
  if (/^\d+$/.test(text) && value >= 1 && value <= 2 ** 31 - 1) return value;
  throw new InvalidArgumentError("It must be a whole number of milliseconds, 1 or more.");
}
