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
  options: RemoteOptions,
  use: (client: RemoteClient) => Promise<Result>,
  signal?: AbortSignal,
): Promise<Result> {
  const given = await connectOptions(options);
  const bounds = { ...given, readyTimeoutMs: options.timeout };
  await using client = await connect(
    options.endpoints,
    signal === undefined ? bounds : { ...bounds, signal },
  );
  return await use(client);
}

/** The same for what operators do, which may also work without a leader. */
export async function withAdmin<Result>(
  options: RemoteOptions,
  use: (admin: ClusterAdmin) => Promise<Result>,
): Promise<Result> {
  await using admin = connectAdmin(options.endpoints, await connectOptions(options));
  return await use(admin);
}

/** The same for users and roles. */
export async function withAuth<Result>(
  options: RemoteOptions,
  use: (auth: AuthAdmin) => Promise<Result>,
): Promise<Result> {
  await using auth = connectAuth(options.endpoints, await connectOptions(options));
  return await use(auth);
}

/** For how long, who asks, and over what. */
async function connectOptions(options: RemoteOptions): Promise<ConnectOptions> {
  return {
    timeoutMs: options.timeout,
    ...(await readCredentials(options)),
    ...(await readTls(options)),
  };
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
