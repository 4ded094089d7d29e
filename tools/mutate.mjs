/**
 * Plants one deliberate bug after the other in a copy of the sources and looks who finds it: the
 * simulator, by how many seeds, or else the tests of the package. A bug that nobody finds is a
 * hole in the proof.
 *
 * Usage: node tools/mutate.mjs [--seeds N] [--jobs N] [--only TEXT]
 * Exit code 0: every bug was found; 1: some survived.
 */
import { spawnSync } from "node:child_process";
import {
  cpSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { MUTATIONS } from "./mutate/mutations.mjs";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const copy = join(root, ".tmp", "mutate");

/** Longer than any number of seeds takes; a bug that makes the simulator hang is found, too. */
const simulationTimeoutMs = 10 * 60_000;
const testsTimeoutMs = 5 * 60_000;

const { values } = parseArgs({
  options: {
    seeds: { type: "string", default: "100" },
    jobs: { type: "string", default: "2" },
    only: { type: "string", default: "" },
  },
});

/** Sources and settings, with packages that find each other and nothing of the original. */
function makeCopy() {
  rmSync(copy, { recursive: true, force: true });
  mkdirSync(join(copy, "node_modules", "@d-engine"), { recursive: true });
  for (const name of readdirSync(join(root, "node_modules"))) {
    if (name === "@d-engine" || name.startsWith(".")) continue;
    symlinkSync(join(root, "node_modules", name), join(copy, "node_modules", name));
  }
  for (const name of ["package.json", "tsconfig.base.json", "tsconfig.json", "vitest.config.ts"]) {
    cpSync(join(root, name), join(copy, name));
  }
  for (const folder of readdirSync(join(root, "packages"))) {
    const from = join(root, "packages", folder);
    const filter = (/** @type {string} */ path) => !/(node_modules|dist|tsbuildinfo)$/.test(path);
    cpSync(from, join(copy, "packages", folder), { recursive: true, filter });
    const { name } = JSON.parse(readFileSync(join(from, "package.json"), "utf8"));
    rmSync(join(copy, "node_modules", name), { force: true });
    symlinkSync(join(copy, "packages", folder), join(copy, "node_modules", name));
  }
}

/**
 * @param {string} command
 * @param {string[]} args
 * @param {number} timeout
 */
function run(command, args, timeout) {
  return spawnSync(command, args, { cwd: copy, encoding: "utf8", timeout, killSignal: "SIGKILL" });
}

/** A bug may leave a name unused, which the compiler reports; it emits all the same. */
function compile() {
  run(
    process.execPath,
    ["node_modules/typescript/bin/tsc", "-b", "packages/simulator"],
    testsTimeoutMs,
  );
}

/** @param {string} file */
function judge(file) {
  compile();
  const seeds = ["--seeds", `1..${values.seeds}`, "--jobs", values.jobs, "--brief"];
  const simulation = run(
    process.execPath,
    ["packages/simulator/dist/main.js", ...seeds],
    simulationTimeoutMs,
  );
  if (simulation.error !== undefined) return { killer: "simulator", detail: "it hangs" };
  const failure = /^seed (\d+) breaks (.*)/m.exec(simulation.stdout);
  if (failure !== null) {
    return { killer: "simulator", seeds: Number(failure[1]), detail: failure[2] };
  }
  // Neither success nor a broken promise: a worker ended by itself.
  if (simulation.status !== 0 && !simulation.stdout.includes("never reached")) {
    return { killer: "simulator", detail: simulation.stderr.trim().split("\n").at(-1) };
  }
  const folder = file.split("/").slice(0, 2).join("/");
  const tests = run(
    process.execPath,
    ["node_modules/vitest/vitest.mjs", "run", folder],
    testsTimeoutMs,
  );
  if (tests.status !== 0) return { killer: "tests", detail: folder };
  return { killer: undefined, detail: "" };
}

function main() {
  makeCopy();
  const chosen = MUTATIONS.filter(({ name }) => name.includes(values.only));
  /** @type {number[]} */
  const seedsToKill = [];
  let byTests = 0;
  /** @type {string[]} */
  const survivors = [];
  for (const { name, file, find, replace } of chosen) {
    const path = join(copy, file);
    const source = readFileSync(path, "utf8");
    if (source.split(find).length !== 2) throw new Error(`${name}: not exactly once in ${file}`);
    writeFileSync(
      path,
      source.replace(find, () => replace),
    );
    const { killer, seeds, detail } = judge(file);
    writeFileSync(path, source);
    if (killer === undefined) survivors.push(name);
    if (killer === "tests") byTests += 1;
    if (killer === "simulator") seedsToKill.push(seeds ?? 1);
    const how =
      killer === undefined
        ? "SURVIVED"
        : `${killer}${seeds === undefined ? "" : `, seed ${seeds}`}`;
    console.log(`${how.padEnd(22)} ${name}  ${(detail ?? "").slice(0, 100)}`);
  }
  seedsToKill.sort((a, b) => a - b);
  const median = seedsToKill[Math.floor((seedsToKill.length - 1) / 2)];
  console.log(
    `${chosen.length} bugs: ${seedsToKill.length} found by the simulator (median: seed ${median}), ` +
      `${byTests} by tests, ${survivors.length} by nobody`,
  );
  return survivors.length === 0 ? 0 : 1;
}

process.exitCode = main();
