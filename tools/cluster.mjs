/**
 * `npm run cluster`: three nodes on this machine, each a process of its own, with their lines
 * side by side. Ctrl-C stops all of them.
 *
 *   npm run cluster -- --data-dir ./cluster-data --base-port 9081
 */
import { spawn } from "node:child_process";
import { dirname, join, resolve } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { ensureBuiltOrExit } from "./ensure-built.mjs";

const nodeCount = 3;
const colours = [36, 33, 35]; // cyan, yellow, magenta
const killAfterMs = 10_000;

const { values } = parseArgs({
  options: {
    "data-dir": { type: "string", default: "./cluster-data" },
    "base-port": { type: "string", default: "9081" },
  },
});
const basePort = Number(values["base-port"]);
if (!Number.isInteger(basePort) || basePort < 1 || basePort > 65_535 - nodeCount) {
  console.error(`--base-port must be a port, got ${values["base-port"]}`);
  process.exit(2);
}

await ensureBuiltOrExit();
const root = dirname(dirname(fileURLToPath(import.meta.url)));
const main = join(root, "packages", "d-engine", "dist", "cli", "main.js");
const ids = Array.from({ length: nodeCount }, (_, at) => at + 1);
/** @param {number} id */
const address = (id) => `127.0.0.1:${basePort + id - 1}`;
const initialCluster = ids.map((id) => `${id}=${address(id)}`).join(",");
const running = new Map(ids.map((id) => [id, run(id)]));
/** @type {string | undefined} */
let leader;
let readyCount = 0;
let stopping = false;
let exitCode = 0;

for (const signal of ["SIGINT", "SIGTERM"]) process.on(signal, () => stopAll(signal));

/** @param {number} id */
function run(id) {
  const dataDir = join(resolve(values["data-dir"]), String(id));
  const args = ["start", "--json", "--log-level", "info", "--node-id", String(id)];
  args.push("--data-dir", dataDir, "--initial-cluster", initialCluster);
  // A group of its own: Ctrl-C reaches this process alone, which then stops the nodes in turn.
  const child = spawn(process.execPath, [main, ...args], {
    detached: true,
    stdio: ["ignore", "pipe", "pipe"],
  });
  createInterface({ input: child.stdout }).on("line", (line) => onEvent(id, line));
  createInterface({ input: child.stderr }).on("line", (line) => onLog(id, line));
  child.on("error", (error) => say(id, `cannot be started: ${error.message}`));
  child.on("exit", (code, signal) => onExit(id, code, signal));
  return child;
}

/** @param {number} id @param {string} line */
function onEvent(id, line) {
  const event = parse(line);
  if (event === undefined) return say(id, line);
  if (event.event === "ready") {
    say(id, `ready on ${event.address}, data in ${event.dataDir}`);
    tellLeader(event.leaderId, event.term);
    readyCount += 1;
    if (readyCount === nodeCount) tellWhatToTry();
  } else if (event.event === "closing" || event.event === "closed") {
    say(id, event.event);
  }
}

/** @param {number} id @param {string} line */
function onLog(id, line) {
  const entry = parse(line);
  if (entry === undefined) return say(id, line);
  say(id, entry.msg ?? entry.message ?? line);
  const led = /^leader in term (\d+)/.exec(entry.msg ?? "");
  if (led !== null) tellLeader(id, Number(led[1]));
}

/** @param {number} id @param {number} term */
function tellLeader(id, term) {
  if (leader === `${id}/${term}`) return;
  leader = `${id}/${term}`;
  console.log(bold(`── node ${id} leads in term ${term} ──`));
}

function tellWhatToTry() {
  const endpoints = ids.map(address).join(",");
  console.log("try, in another terminal (Ctrl-C here stops all nodes):");
  console.log(`  npx d-engine put greeting hello --endpoints ${endpoints}`);
  console.log(`  npx d-engine get greeting --endpoints ${endpoints}`);
  console.log(`  npx d-engine status --endpoints ${endpoints}`);
  console.log(`  kill -9 ${running.get(Number(leader?.split("/")[0]))?.pid}    # the leader`);
}

/** @param {number} id @param {number | null} code @param {string | null} signal */
function onExit(id, code, signal) {
  say(id, signal === null ? `ended with code ${code}` : `ended by ${signal}`);
  running.delete(id);
  if (!stopping && code !== 0 && signal === null) exitCode = 1;
  if (running.size === 0) process.exit(exitCode);
}

/** @param {string} signal */
function stopAll(signal) {
  if (stopping) {
    for (const child of running.values()) child.kill("SIGKILL");
    return;
  }
  stopping = true;
  console.log(`\n${signal}: stopping ${running.size} nodes …`);
  for (const child of running.values()) child.kill("SIGTERM");
  setTimeout(() => {
    for (const child of running.values()) child.kill("SIGKILL");
  }, killAfterMs).unref();
}

/** @param {number} id @param {string} text */
function say(id, text) {
  const label = `node ${id} |`;
  const coloured = process.stdout.isTTY ? `\u001b[${colours[id - 1]}m${label}\u001b[0m` : label;
  console.log(`${coloured} ${text}`);
}

/** @param {string} text */
function bold(text) {
  return process.stdout.isTTY ? `\u001b[1m${text}\u001b[0m` : text;
}

/** @param {string} line */
function parse(line) {
  try {
    return JSON.parse(line);
  } catch {
    return undefined; // not one of ours: shown as it is
  }
}
