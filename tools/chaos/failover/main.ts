import { randomInt } from "node:crypto";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { type FailoverReport, runFailover } from "./run-failover.js";
import type { Distribution } from "./statistics.js";

const medianMax = 1.8;
const p99Max = 2.5;
const printedMax = 10;
const help = `Takes the leader of three processes away under load, again and again, and measures the time
until a write is acknowledged again. Looks for every acknowledged write at the end.

Usage: npm run failover -- [options]

  --kills N                kill -9 of the leader (default 200)
  --stops N                SIGTERM to the leader instead
  --election-timeout-ms N  of the nodes (default 1000)
  --clients N              connected clients, each with several writers (default 4)
  --seed N                 the same moments again (default: drawn, and printed)
  --dir PATH               where the data goes; kept when something is found (default ./.chaos)
  --json                   the report as JSON on stdout
  --help

Exit codes: 0 within ${medianMax} x the election timeout in the median and ${p99Max} x in 99 of 100, nothing
lost; 1 not so; 2 wrong arguments.`;

function parse() {
  const { values } = parseArgs({
    options: {
      kills: { type: "string", default: "200" },
      stops: { type: "string" },
      "election-timeout-ms": { type: "string", default: "1000" },
      clients: { type: "string", default: "4" },
      seed: { type: "string", default: String(randomInt(1, 2 ** 31)) },
      dir: { type: "string", default: ".chaos" },
      json: { type: "boolean", default: false },
      help: { type: "boolean", default: false },
    },
  });
  if (values.help) return undefined;
  const { stops, json, dir } = values;
  return {
    how: stops === undefined ? "kill" : "stop",
    times: stops === undefined ? positive("kills", values.kills) : positive("stops", stops),
    electionTimeoutMs: positive("election-timeout-ms", values["election-timeout-ms"]),
    clients: positive("clients", values.clients),
    seed: positive("seed", values.seed),
    json,
    dir,
  } as const;
}

function positive(name: string, text: string): number {
  const value = Number(text);
  if (Number.isSafeInteger(value) && value > 0) return value;
  throw new RangeError(`--${name} must be a positive integer, got "${text}"`);
}

function print({ outageMs, outage, electedMs, violations, ...figures }: FailoverReport): void {
  for (const [name, value] of Object.entries(figures)) console.log(`${name.padEnd(18)} ${value}`);
  const line = (name: string, { median, p99, max }: Distribution, digits: number): void => {
    const [a, b, c] = [median, p99, max].map((value) => value.toFixed(digits));
    console.log(`${name.padEnd(18)} median ${a}, p99 ${b}, max ${c}`);
  };
  line("outage, ms", outageMs, 0);
  line("outage, timeouts", outage, 2);
  line("next leader, ms", electedMs, 0);
  for (const violation of violations.slice(0, printedMax)) console.log(`FOUND: ${violation}`);
  if (violations.length > printedMax) console.log(`and ${violations.length - printedMax} more`);
}

function isWithinTargets({ how, outage, violations }: FailoverReport): boolean {
  if (violations.length > 0) return false;
  return how === "stop" || (outage.median < medianMax && outage.p99 < p99Max);
}

async function main(settings: NonNullable<ReturnType<typeof parse>>): Promise<number> {
  console.error(`seed ${settings.seed}`);
  for (const signal of ["SIGINT", "SIGTERM"]) {
    process.once(signal, () => {
      console.error(`${signal}: stopping everything`);
      process.exit(130);
    });
  }
  const report = await runFailover({
    ...settings,
    writersPerClient: 2,
    root: join(dirname(fileURLToPath(import.meta.url)), "..", "..", "..", ".."),
    folder: join(resolve(settings.dir), `failover-${settings.seed}-pid-${process.pid}`),
    progress: (line) => console.error(line),
  });
  if (settings.json) console.log(JSON.stringify(report));
  else print(report);
  return isWithinTargets(report) ? 0 : 1;
}

/** Bad arguments end the process with one line; a bug elsewhere keeps its stack. */
function parseOrExit() {
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
