/**
 * Makes the checkout runnable: installs packages when `node_modules` is missing or older than
 * `package-lock.json`, then compiles. Plain Node without dependencies, because on a fresh clone
 * there are none yet. Says one line when it installs, nothing when all is up to date, and passes
 * a failing tool's output and exit code on.
 *
 * Usage: node tools/ensure-built.mjs [PROJECT…]    a project is a folder with a tsconfig.json;
 *                                                  without one the packages are built
 */
import { spawn } from "node:child_process";
import { statSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = dirname(dirname(fileURLToPath(import.meta.url)));

/** Thrown after the tool's output was printed: only the exit code is left to pass on. */
export class ToolFailure extends Error {
  /** @param {string} tool @param {number} exitCode */
  constructor(tool, exitCode) {
    super(`${tool} failed with exit code ${exitCode}`);
    this.exitCode = exitCode;
  }
}

/**
 * Installs and compiles what is not up to date. Rejects with `ToolFailure`.
 * @param {readonly string[]} [projects] folders to compile, relative to the checkout
 */
export async function ensureBuilt(projects = ["."]) {
  if (!isInstalled()) {
    say("installing packages with npm ci (needs the network, about ten seconds) …");
    const startedMs = performance.now();
    await runQuietly("npm ci", ...npm(["ci", "--no-fund", "--no-audit", "--loglevel=error"]));
    say(`installed in ${((performance.now() - startedMs) / 1000).toFixed(1)} s`);
  }
  const compiler = join(root, "node_modules", "typescript", "bin", "tsc");
  await runQuietly("tsc -b", process.execPath, [compiler, "-b", ...projects]);
}

/** npm writes its hidden lock file last, so an interrupted installation does not count. */
function isInstalled() {
  const installed = modifiedMs(join("node_modules", ".package-lock.json"));
  return installed !== undefined && installed >= (modifiedMs("package-lock.json") ?? 0);
}

/** @param {string} path */
function modifiedMs(path) {
  return statSync(join(root, path), { throwIfNoEntry: false })?.mtimeMs;
}

/**
 * The npm that runs us, or else the one on the path.
 * @param {string[]} args
 * @returns {[string, string[]]}
 */
function npm(args) {
  const script = process.env.npm_execpath;
  return script?.endsWith(".js") ? [process.execPath, [script, ...args]] : ["npm", args];
}

/**
 * Runs a tool to its end; its output is shown only when it fails.
 * @param {string} name @param {string} command @param {string[]} args
 * @returns {Promise<void>}
 */
function runQuietly(name, command, args) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { cwd: root, stdio: ["ignore", "pipe", "pipe"] });
    /** @type {Buffer[]} */
    const output = [];
    child.stdout.on("data", (chunk) => output.push(chunk));
    child.stderr.on("data", (chunk) => output.push(chunk));
    child.on("error", (error) => {
      say(`cannot run ${name}: ${error.message}`);
      reject(new ToolFailure(name, 1));
    });
    child.on("close", (code) => {
      if (code === 0) return resolve();
      process.stderr.write(Buffer.concat(output));
      say(`${name} failed${code === null ? "" : ` with exit code ${code}`}`);
      reject(new ToolFailure(name, code ?? 1));
    });
  });
}

/** @param {string} line */
function say(line) {
  process.stderr.write(`${line}\n`);
}

/**
 * For scripts that cannot go on without a build: ends the process with the tool's exit code.
 * @param {readonly string[]} [projects]
 */
export async function ensureBuiltOrExit(projects) {
  try {
    await ensureBuilt(projects);
  } catch (error) {
    if (!(error instanceof ToolFailure)) throw error;
    process.exit(error.exitCode);
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const projects = process.argv.slice(2);
  await ensureBuiltOrExit(projects.length === 0 ? undefined : projects);
}
