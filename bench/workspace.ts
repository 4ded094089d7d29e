import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { join, resolve } from "node:path";

const signals = ["SIGINT", "SIGTERM"] as const;

/** A folder for one run, removed when it ends, by Ctrl-C and SIGTERM too. */
export interface Workspace extends Disposable {
  readonly path: string;
}

/** Makes a fresh folder in `parent`, which must be on the disk that is to be measured. */
export function createWorkspace(parent: string): Workspace {
  mkdirSync(parent, { recursive: true });
  const path = mkdtempSync(join(resolve(parent), "run-"));
  const remove = () => rmSync(path, { recursive: true, force: true });
  const interrupted = (_: NodeJS.Signals, signal: number) => {
    remove();
    process.exit(128 + signal);
  };
  for (const signal of signals) process.once(signal, interrupted);
  return {
    path,
    [Symbol.dispose]: () => {
      for (const signal of signals) process.off(signal, interrupted);
      remove();
    },
  };
}
