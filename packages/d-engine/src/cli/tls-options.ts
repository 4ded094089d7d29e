import { readFile } from "node:fs/promises";
import type { ClientTls, ConnectOptions } from "@d-engine/client";
import { EngineError } from "@d-engine/core";
import { type Command, Option } from "commander";

/** Whether and how a command encrypts, as files of PEM. */
export interface TlsCommandOptions {
  readonly tls?: boolean;
  readonly ca?: string;
  readonly cert?: string;
  readonly key?: string;
  readonly serverName?: string;
}

export function addTlsOptions(command: Command): Command {
  return command
    .addOption(new Option("--tls", "encrypt, and believe what Node.js trusts").env("D_ENGINE_TLS"))
    .addOption(new Option("--ca <file>", "encrypt, and believe this authority").env("D_ENGINE_CA"))
    .addOption(
      new Option("--cert <file>", "a certificate to show, where nodes ask for one").env(
        "D_ENGINE_CERT",
      ),
    )
    .addOption(new Option("--key <file>", "its key").env("D_ENGINE_KEY"))
    .addOption(
      new Option("--server-name <name>", "whom certificates of nodes are issued to").env(
        "D_ENGINE_SERVER_NAME",
      ),
    );
}

/** @throws EngineError `INVALID_REQUEST` for a file that cannot be read */
export async function readTls(options: TlsCommandOptions): Promise<Pick<ConnectOptions, "tls">> {
  const { tls, serverName } = options;
  const files = { ca: options.ca, cert: options.cert, key: options.key };
  const isAsked = [tls, serverName, ...Object.values(files)].some(
    (value) => value !== undefined && value !== false,
  );
  if (!isAsked) return {};
  const read: { -readonly [K in "ca" | "cert" | "key"]?: Buffer } = {};
  for (const [name, path] of Object.entries(files)) {
    if (path !== undefined) read[name as "ca" | "cert" | "key"] = await readPem(name, path);
  }
  const given: ClientTls = { ...read, ...(serverName === undefined ? {} : { serverName }) };
  return { tls: given };
}

async function readPem(name: string, path: string): Promise<Buffer> {
  try {
    return await readFile(path);
  } catch (cause) {
    const { code = "it cannot be read" } = cause as NodeJS.ErrnoException;
    throw new EngineError("INVALID_REQUEST", `cannot read --${name} ${path}: ${code}`, { cause });
  }
}
