import { type SpawnSyncReturns, spawnSync } from "node:child_process";

const outputBytesMax = 16 * 1024 * 1024;

interface RunOptions {
  readonly cwd?: string;
  readonly env?: NodeJS.ProcessEnv;
  readonly timeoutMs: number;
}

/** What a foreign client found out about one rule. */
interface Check {
  readonly name: string;
  /** `null` when the rule holds. */
  readonly problem: string | null;
}

/** Whether a program of that name is on the path. */
export function isOnPath(name: string): boolean {
  return spawnSync("sh", ["-c", `command -v "${name}"`], { stdio: "ignore" }).status === 0;
}

/** Runs a tool to its end; throws with all that it printed when it fails. */
export function runTool(command: string, args: readonly string[], options: RunOptions): string {
  const result = run(command, args, options);
  if (result.status !== 0) throw failed(command, args, result);
  return result.stdout;
}

/**
 * Runs a client that prints `{"name", "problem"}` a line. Returns the names of the checks that
 * passed; throws with every problem when there is one, and when the client died half-way.
 */
export function runClient(command: string, args: readonly string[], options: RunOptions): string[] {
  const result = run(command, args, options);
  const lines = result.stdout.split("\n").filter((line) => line.startsWith("{"));
  const checks = lines.map((line) => JSON.parse(line) as Check);
  const problems = checks.filter(({ problem }) => problem !== null);
  if (problems.length > 0) {
    throw new Error(problems.map(({ name, problem }) => `${name}:\n${problem}`).join("\n"));
  }
  if (result.status !== 0) throw failed(command, args, result);
  return checks.map(({ name }) => name);
}

/** Says on the terminal that a test does not run, so that its absence is never silent. */
export function tellSkipped(what: string, why: string): void {
  process.stderr.write(`interop with ${what} skipped: ${why}\n`);
}

function run(
  command: string,
  args: readonly string[],
  { cwd, env, timeoutMs }: RunOptions,
): SpawnSyncReturns<string> {
  return spawnSync(command, args, {
    cwd,
    env: { ...process.env, ...env },
    encoding: "utf8",
    timeout: timeoutMs,
    maxBuffer: outputBytesMax,
  });
}

function failed(
  command: string,
  args: readonly string[],
  { status, signal, stdout, stderr, error }: SpawnSyncReturns<string>,
): Error {
  const how = error?.message ?? (signal === null ? `code ${status}` : `ended by ${signal}`);
  return new Error(`${command} ${args.join(" ")}: ${how}\n${stdout}${stderr}`);
}
