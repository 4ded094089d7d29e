import { type ChildProcess, spawn } from "node:child_process";

/**
 * Every process that this one has started and that has not ended. Whatever happens to this one,
 * short of SIGKILL, none of them stays behind: they are killed by their ids when it exits.
 */
const running = new Set<ChildProcess>();
let watching = false;

export interface SpawnOptions {
  /** Goes before the command: what enters another network, say. */
  readonly prefix: readonly string[];
  readonly script: string;
  readonly args: readonly string[];
}

/** Starts a script with this Node.js, its three streams as pipes. */
export function spawnScript({ prefix, script, args }: SpawnOptions): ChildProcess {
  watch();
  const [command, ...rest] = [...prefix, process.execPath, script, ...args];
  // A group of its own: Ctrl-C is for this process, which ends the others in its own order.
  const child = spawn(command!, rest, { detached: true, stdio: ["pipe", "pipe", "pipe"] });
  running.add(child);
  child.once("close", () => running.delete(child));
  return child;
}

/** Kills what still runs. */
export function killAll(): void {
  for (const child of running) child.kill("SIGKILL");
}

function watch(): void {
  if (watching) return;
  watching = true;
  process.once("exit", killAll);
}
