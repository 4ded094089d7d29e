import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { join, resolve } from "node:path";

/** A folder for one run, removed when it ends, by Ctrl-C too. */
export interface Workspace extends Disposable {
  readonly path: string;
}

/** Makes a fresh folder in `parent`, which must be on the disk that is to be measured. */
export function createWorkspace(parent: string): Workspace {
  mkdirSync(parent, { recursive: true });
  const path = mkdtempSync(join(resolve(parent), "run-"));
  const remove = () => rmSync(path, { recursive: true, force: true });
  const interrupted = () => {
    remove();
    process.exit(130);
  };
  process.once("SIGINT", interrupted);
  return {
    path,
    [Symbol.dispose]: () => {
      process.off("SIGINT", interrupted);
      remove();
    },
  };
}
