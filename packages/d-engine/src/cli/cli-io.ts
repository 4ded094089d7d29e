/** The streams that commands read and write. */
export interface CliIo {
  /** Writes the result. */
  out(text: string | Uint8Array): void;
  /** Writes for people: errors and notes, one line each. */
  err(line: string): void;
  /** Resolves when the reader has taken enough of the result for more to be written. */
  flushed(): Promise<void>;
  /** Aborts when nobody reads the result any more. */
  readonly ended: AbortSignal;
  /** The variables of the process. */
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** Everything on standard input, up to `bytesMax`. */
  readStdin(bytesMax: number): Promise<Uint8Array>;
}

/** The streams of this process. */
export function processIo(): CliIo {
  // A reader that stops early, such as `head`, ends the output and not the program.
  const ended = new AbortController();
  process.stdout.on("error", (error) => {
    endQuietly(error);
    ended.abort();
  });
  process.stderr.on("error", endQuietly);
  return {
    out: (text) => void process.stdout.write(text),
    err: (line) => void process.stderr.write(`${line}\n`),
    flushed: () => flushed(ended.signal),
    ended: ended.signal,
    environment: process.env,
    readStdin,
  };
}

async function flushed(ended: AbortSignal): Promise<void> {
  if (!process.stdout.writableNeedDrain || ended.aborted) return;
  await new Promise<void>((resolve) => {
    const done = (): void => {
      process.stdout.off("drain", done);
      ended.removeEventListener("abort", done);
      resolve();
    };
    process.stdout.once("drain", done);
    ended.addEventListener("abort", done, { once: true });
  });
}

function endQuietly(error: NodeJS.ErrnoException): void {
  if (error.code !== "EPIPE") throw error;
}

/** One chunk more than the bound is read at most, so that the caller sees that it is exceeded. */
async function readStdin(bytesMax: number): Promise<Uint8Array> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of process.stdin) {
    chunks.push(chunk as Buffer);
    bytes += (chunk as Buffer).length;
    if (bytes > bytesMax) break;
  }
  return Buffer.concat(chunks);
}
