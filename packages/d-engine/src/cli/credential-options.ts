import { readFile } from "node:fs/promises";
import type { CredentialOptions } from "@d-engine/client";
import { EngineError } from "@d-engine/core";
import { type Command, Option } from "commander";
import { askSecret, canAsk } from "./ask-secret.js";

/** Who a command is from, without what is secret: that stands in files and variables. */
export interface CredentialCommandOptions {
  readonly user?: string;
  readonly passwordFile?: string;
  readonly tokenFile?: string;
}

export function addCredentialOptions(command: Command): Command {
  return command
    .addOption(
      new Option("-u, --user <name>", "who asks, where the cluster wants to know").env(
        "D_ENGINE_USER",
      ),
    )
    .addOption(
      new Option(
        "--password-file <path>",
        "holds the user's password (or D_ENGINE_PASSWORD; asked for at a terminal)",
      ).env("D_ENGINE_PASSWORD_FILE"),
    )
    .addOption(
      new Option("--token-file <path>", "holds a token, instead of a user (or D_ENGINE_TOKEN)")
        .env("D_ENGINE_TOKEN_FILE")
        .conflicts(["user", "passwordFile"]),
    );
}

/** @throws EngineError `INVALID_REQUEST` for a file that cannot be read, and a user without password */
export async function readCredentials(
  options: CredentialCommandOptions,
): Promise<CredentialOptions> {
  const { user, passwordFile, tokenFile } = options;
  if (tokenFile !== undefined) return { token: await readSecret(tokenFile) };
  if (user === undefined) {
    const { D_ENGINE_TOKEN: token } = process.env;
    return token === undefined || token === "" ? {} : { token };
  }
  return { user, password: await passwordOf(user, passwordFile) };
}

/** The first line of a file. */
export async function readSecret(path: string): Promise<string> {
  try {
    return firstLine(await readFile(path, "utf8"));
  } catch (cause) {
    const { code = "it cannot be read" } = cause as { code?: string };
    throw new EngineError("INVALID_REQUEST", `cannot read ${path}: ${code}`, { cause });
  }
}

export function firstLine(text: string): string {
  return text.split(/\r?\n/, 1)[0] ?? "";
}

async function passwordOf(user: string, file: string | undefined): Promise<string> {
  if (file !== undefined) return await readSecret(file);
  const { D_ENGINE_PASSWORD: password } = process.env;
  if (password !== undefined && password !== "") return password;
  if (canAsk()) return await askSecret(`password of ${user}: `);
  throw new EngineError(
    "INVALID_REQUEST",
    `user ${user} needs a password: give --password-file, or set D_ENGINE_PASSWORD`,
  );
}
