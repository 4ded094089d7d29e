import type { CliIo } from "../src/cli/cli-io.js";

/** What a command has written. */
export interface Captured {
  readonly out: string;
  readonly bytes: Buffer;
  readonly err: string;
}

/** The streams of a command that runs within a test. */
export function capture(
  stdin: Buffer | string = "",
  environment: CliIo["environment"] = {},
): {
  readonly io: CliIo;
  result(): Captured;
} {
  const out: Buffer[] = [];
  let err = "";
  return {
    io: {
      out: (text) => void out.push(Buffer.from(text as Uint8Array)),
      err: (line) => {
        err += `${line}\n`;
      },
      flushed: async () => undefined,
      ended: new AbortController().signal,
      environment,
      readStdin: async () => Buffer.from(stdin as Buffer),
    },
    result: () => ({ out: Buffer.concat(out).toString(), bytes: Buffer.concat(out), err }),
  };
}
