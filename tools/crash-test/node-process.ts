import { type ChildProcess, spawn } from "node:child_process";
import { createServer } from "node:net";
import { join } from "node:path";

const outputCharsMax = 64 * 1024;
const readyTimeoutMs = 60_000;

export interface NodeProcessOptions {
  /** The root of the checkout; its command line must be built. */
  readonly root: string;
  readonly dataDir: string;
  /** `host:port`. */
  readonly listen: string;
}

export interface NodeExit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

/** One life of a node, started through the command line as a user would. */
export class NodeProcess {
  readonly exited: Promise<NodeExit>;
  readonly #child: ChildProcess;
  #output = "";
  #onOutput: (() => void) | undefined;

  constructor({ root, dataDir, listen }: NodeProcessOptions) {
    const main = join(root, "packages", "d-engine", "dist", "cli", "main.js");
    const args = [main, "start", "--data-dir", dataDir, "--listen", listen];
    this.#child = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "pipe"] });
    this.exited = new Promise((resolve, reject) => {
      this.#child.once("error", reject);
      this.#child.once("close", (code, signal) => resolve({ code, signal }));
    });
    for (const stream of [this.#child.stdout, this.#child.stderr]) {
      stream?.setEncoding("utf8");
      stream?.on("data", (text: string) => {
        this.#output = (this.#output + text).slice(-outputCharsMax);
        this.#onOutput?.();
      });
    }
  }

  /** What the node printed, the last 64 Ki characters of it. */
  get output(): string {
    return this.#output;
  }

  /** Resolves when the node says that it is ready; rejects with its output when it ends before. */
  async ready(): Promise<void> {
    const said = new Promise<void>((resolve) => {
      this.#onOutput = () => {
        if (/^ready\b/m.test(this.#output)) resolve();
      };
      this.#onOutput();
    });
    const deadline = AbortSignal.timeout(readyTimeoutMs);
    const late = new Promise<never>((_, reject) => {
      deadline.addEventListener("abort", () =>
        reject(new Error(`not ready within ${readyTimeoutMs} ms:\n${this.#output}`)),
      );
    });
    const ended = this.exited.then(({ code, signal }) => {
      throw new Error(`ended with ${signal ?? `code ${code}`} before ready:\n${this.#output}`);
    });
    try {
      await Promise.race([said, late, ended]);
    } finally {
      this.#onOutput = undefined;
    }
  }

  /** Sends a signal and waits for the end. */
  async end(signal: NodeJS.Signals): Promise<NodeExit> {
    this.#child.kill(signal);
    return this.exited;
  }
}

/** A port that nobody listens on at this moment. */
export async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(0, "127.0.0.1", resolve);
  });
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  if (address === null || typeof address === "string") throw new Error("no port was given");
  return address.port;
}
