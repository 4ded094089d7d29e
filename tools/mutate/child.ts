import { type ChildProcess, spawn } from "node:child_process";

const outputCharsMax = 64 * 1024;

export interface ChildOptions {
  readonly cwd: string;
  /** After this the process and what it has started is killed. */
  readonly timeoutMs: number;
}

export interface ChildEnd {
  /** `undefined` when it was killed. */
  readonly code: number | undefined;
  /** What it printed, the last 64 Ki characters of it. */
  readonly output: string;
}

/** Runs Node on `args` to the end. A mutated program may hang, so it has a time. */
export function runNode(
  args: readonly string[],
  { cwd, timeoutMs }: ChildOptions,
): Promise<ChildEnd> {
  // Leader of a group of its own, so that its workers can be killed with it.
  const child = spawn(process.execPath, args, {
    cwd,
    detached: true,
    stdio: ["ignore", "pipe", "pipe"],
  });
  let output = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding("utf8");
    stream.on("data", (text: string) => {
      output = (output + text).slice(-outputCharsMax);
    });
  }
  return new Promise((resolve, reject) => {
    const end = killWithUs(child);
    const timer = setTimeout(end, timeoutMs);
    child.once("error", reject);
    child.once("close", (code) => {
      clearTimeout(timer);
      process.off("exit", end);
      resolve({ code: code ?? undefined, output });
    });
  });
}

/** Ends `child` and its group when this process ends; the returned function does so now. */
export function killWithUs(child: ChildProcess): () => void {
  const end = (): void => {
    if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
    process.kill(-child.pid, "SIGKILL");
  };
  process.once("exit", end);
  return end;
}
