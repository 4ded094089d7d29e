import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import type { Mutation } from "./mutation.js";
import { MUTATIONS } from "./mutations.js";
import { isKilled, type MutationResult, reportSummary, reportTable } from "./report.js";
import { firstFailure } from "./run-tests.js";
import { Simulator } from "./simulator.js";
import { TreeCopy } from "./tree-copy.js";

const help = `Puts deliberate bugs into a copy of the sources, one at a time, and checks that each
makes a test fail. One that does not shows a hole in the tests.

Usage: npm run mutate -- [options]

  --only NAME    one bug, by its name; may be given several times
  --simulate     runs the simulator, too, and counts the seeds to the failure
  --seeds N      seeds that the simulator may use for one bug (default 100)
  --list         names the bugs and what they break
  --json         the results as JSON on stdout
  --help

Exit codes: 0 all killed, 1 a bug survived, 2 wrong arguments, or the tree fails without any bug.`;

interface Settings {
  readonly mutations: readonly Mutation[];
  readonly simulate: boolean;
  readonly seeds: number;
  readonly list: boolean;
  readonly json: boolean;
}

function parse(): Settings | undefined {
  const { values } = parseArgs({
    options: {
      only: { type: "string", multiple: true },
      simulate: { type: "boolean", default: false },
      seeds: { type: "string", default: "100" },
      list: { type: "boolean", default: false },
      json: { type: "boolean", default: false },
      help: { type: "boolean", default: false },
    },
  });
  if (values.help) return undefined;
  const seeds = Number(values.seeds);
  if (!Number.isSafeInteger(seeds) || seeds < 1) {
    throw new RangeError(`--seeds must be a positive integer, got "${values.seeds}"`);
  }
  return { ...values, seeds, mutations: selected(values.only) };
}

function selected(names: readonly string[] | undefined): readonly Mutation[] {
  if (names === undefined) return MUTATIONS;
  return names.map((name) => {
    const found = MUTATIONS.find((mutation) => mutation.name === name);
    if (found === undefined) throw new RangeError(`no bug is named "${name}"; see --list`);
    return found;
  });
}

async function run(settings: Settings, copy: TreeCopy): Promise<MutationResult[]> {
  const { mutations, simulate, seeds } = settings;
  copy.check(mutations);
  const simulator = simulate ? new Simulator(copy.root) : undefined;
  await checkSound(settings, copy, simulator);
  const results: MutationResult[] = [];
  for (const [at, mutation] of mutations.entries()) {
    const head = `${at + 1}/${mutations.length} ${mutation.name}`;
    const result = await copy.with(mutation, async () => {
      const startedMs = performance.now();
      progress(`${head}: tests`);
      const test = await firstFailure(copy.root, mutation.tests);
      const asked = simulator?.runs(mutation.file) ? simulator : undefined;
      await asked?.build(mutation.file);
      const verdict = await asked?.search(seeds, (seed) => progress(`${head}: seed ${seed}`));
      const seconds = Math.round((performance.now() - startedMs) / 1000);
      const { name, breaks } = mutation;
      return { name, breaks, test, simulator: verdict, seconds };
    });
    results.push(result);
    say(`${isKilled(result) ? "killed  " : "SURVIVED"} ${head}, ${details(result)}`);
  }
  return results;
}

/** Without any bug everything must pass, or a failure would prove nothing. */
async function checkSound(
  { mutations, seeds }: Settings,
  copy: TreeCopy,
  simulator: Simulator | undefined,
): Promise<void> {
  progress("the tree without any bug");
  const paths = new Set(mutations.flatMap(({ tests }) => tests));
  const failure = await firstFailure(copy.root, [...paths]);
  if (failure !== undefined) throw new Error(`fails without any bug: ${failure}`);
  await simulator?.build();
  const verdict = await simulator?.search(seeds, (seed) => progress(`no bug: seed ${seed}`));
  if (verdict?.kind === "killed") {
    throw new Error(`seed ${verdict.seed} fails without any bug: ${verdict.by}`);
  }
}

function details({ test, simulator, seconds }: MutationResult): string {
  const parts = [test ?? "no test failed"];
  if (simulator?.kind === "killed") parts.push(`seed ${simulator.seed}: ${simulator.by}`);
  if (simulator?.kind === "survived") parts.push(`no seed up to ${simulator.seeds}`);
  return `${parts.join("; ")} (${seconds} s)`;
}

/** A line that the next one replaces; for people only. */
function progress(line: string): void {
  if (process.stderr.isTTY) process.stderr.write(`\r\x1b[K${line}`);
}

function say(line: string): void {
  progress("");
  console.error(line);
}

async function main(settings: Settings): Promise<number> {
  if (settings.list) {
    for (const { name, breaks } of settings.mutations) console.log(`${name.padEnd(36)} ${breaks}`);
    return 0;
  }
  const root = join(dirname(fileURLToPath(import.meta.url)), "..", "..", "..");
  const copy = new TreeCopy(root);
  const interrupted = (): void => process.exit(130);
  process.once("SIGINT", interrupted).once("SIGTERM", interrupted);
  process.once("exit", () => copy.remove());
  const results = await run(settings, copy);
  if (settings.json) console.log(JSON.stringify(results));
  else console.log(`${reportTable(results)}\n\n${reportSummary(results)}`);
  return results.every(isKilled) ? 0 : 1;
}

try {
  const settings = parse();
  if (settings === undefined) console.log(help);
  else process.exitCode = await main(settings);
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 2;
}
