import { EngineError } from "@d-engine/core";
import { askSecret, canAsk } from "./ask-secret.js";
import type { CliIo } from "./cli-io.js";
import { firstLine, readSecret } from "./credential-options.js";

export interface NewPasswordOptions {
  readonly newPasswordFile?: string;
}

/** From a file, from somebody at the terminal, or the first line of the standard input. */
export async function readNewPassword(
  user: string,
  { newPasswordFile }: NewPasswordOptions,
  io: CliIo,
): Promise<string> {
  if (newPasswordFile !== undefined) return await readSecret(newPasswordFile);
  if (!canAsk()) {
    const input = await io.readStdin(inputBytesMax);
    const line = firstLine(new TextDecoder().decode(input));
    if (line !== "") return line;
    throw new EngineError(
      "INVALID_REQUEST",
      "no password was given: write it to the standard input, or give --new-password-file",
    );
  }
  const password = await askSecret(`new password of ${user}: `);
  const again = await askSecret("the same again: ");
  if (password === again && password !== "") return password;
  throw new EngineError("INVALID_REQUEST", "these were not the same, or empty");
}

const inputBytesMax = 4_096;
