import { randomInt } from "node:crypto";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { type CrashTestReport, runCrashTest } from "./run.js";

const printedMax = 10;
const help = `Kills a node with SIGKILL at random moments while it is written to, and checks after each
restart that nothing acknowledged is missing and nothing refused is present.

Usage: npm run crash-test -- [options]

  --rounds N     kills under load, at least (default 100)
  --callers N    writes under way at a time (default 24)
  --seed N       repeats a run's workload and moments (default: drawn, and printed)
  --dir PATH     where the data goes; kept when something is found (default ./.crash-test)
  --sabotage     blanks the end of the log after each kill: the run must then fail
  --json         the report as JSON on stdout
  --help

Exit codes: 0 nothing found, 1 a promise was broken or the run did too little, 2 wrong arguments.`;

interface Settings {
  readonly rounds: number;
  readonly callers: number;
  readonly seed: number;
  readonly dir: string;
  readonly sabotage: boolean;
  readonly json: boolean;
}

function parse(): Settings | undefined {
  const { values } = parseArgs({
    options: {
      rounds: { type: "string", default: "100" },
      callers: { type: "string", default: "24" },
      seed: { type: "string", default: String(randomInt(1, 2 ** 31)) },
      dir: { type: "string", default: ".crash-test" },
      sabotage: { type: "boolean", default: false },
      json: { type: "boolean", default: false },
      help: { type: "boolean", default: false },
    },
  });
  if (values.help) return undefined;
  return {
    ...values,
    rounds: positive("rounds", values.rounds),
    callers: positive("callers", values.callers),
    seed: positive("seed", values.seed),
  };
}

function positive(name: string, text: string): number {
  const value = Number(text);
  if (Number.isSafeInteger(value) && value > 0) return value;
  throw new RangeError(`--${name} must be a positive integer, got "${text}"`);
}

function print(report: CrashTestReport): void {
  const { violations, ...figures } = report;
  for (const [name, value] of Object.entries(figures)) console.log(`${name.padEnd(14)} ${value}`);
  for (const violation of violations.slice(0, printedMax)) console.log(`FOUND: ${violation}`);
  if (violations.length > printedMax) console.log(`and ${violations.length - printedMax} more`);
  console.log(
    violations.length === 0
      ? "nothing acknowledged is missing, nothing refused is present"
      : `FAILED; repeat with --seed ${report.seed} --rounds ${report.rounds}`,
  );
}

async function main({ json, dir, ...settings }: Settings): Promise<number> {
  console.error(`seed ${settings.seed}`);
  const report = await runCrashTest({
    ...settings,
    root: join(dirname(fileURLToPath(import.meta.url)), "..", "..", ".."),
    folder: join(resolve(dir), `seed-${settings.seed}-pid-${process.pid}`),
    progress: (line) => console.error(line),
  });
  if (json) console.log(JSON.stringify(report));
  else print(report);
  return report.violations.length === 0 ? 0 : 1;
}

/** Bad arguments end the process with one line; a bug elsewhere keeps its stack. */
function parseOrExit(): Settings | undefined {
  try {
    return parse();
  } catch (error) {
    console.error(`${error instanceof Error ? error.message : String(error)}; see --help`);
    process.exit(2);
  }
}

const settings = parseOrExit();
if (settings === undefined) console.log(help);
else process.exitCode = await main(settings);
