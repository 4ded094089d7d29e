/**
 * `npm start`: builds what is not up to date, then runs `d-engine start` in this very process, so
 * that exit codes and signals need no forwarding. Arguments are those of `d-engine start`.
 */
import { dirname, join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { ensureBuiltOrExit } from "./ensure-built.mjs";

const parentCheckMs = 500;

await ensureBuiltOrExit();
endWithParent();
const root = dirname(dirname(fileURLToPath(import.meta.url)));
const main = join(root, "packages", "d-engine", "dist", "cli", "main.js");
process.argv.splice(1, 1, main, "start");
await import(pathToFileURL(main).href);

/**
 * npm runs us below a shell. A SIGTERM to npm ends npm and that shell, but never reaches us: we
 * would hold the data directory and the port with nobody left who knows. A changed parent is
 * taken for that SIGTERM. Ctrl-C goes to the whole process group and needs none of this.
 */
function endWithParent() {
  const parent = process.ppid;
  const timer = setInterval(() => {
    if (process.ppid === parent) return;
    clearInterval(timer);
    process.kill(process.pid, "SIGTERM");
  }, parentCheckMs);
  timer.unref();
}
