import { randomInt } from "node:crypto";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { type ChaosReport, runChaos } from "./run-chaos.js";

const help = `Runs a cluster of real processes under load while they are killed, paused, cut off and
restarted, and checks that nothing acknowledged was lost and that no read lied.

Usage: npm run chaos -- [options]

  --minutes N            how long faults are injected (default 1)
  --history FILE         writes what all clients saw, as lines of JSON
  --nodes N              3 or 5 at first (default 3)
  --no-membership        nobody joins or leaves, and logs are as long as usual
  --no-coordination      no locks, leases and watches
  --nodes-max N          the most at a time, 4 to 15, when nodes join and leave (default 7)
  --network KIND         proxy, or namespaces where this process may make them (default proxy)
  --election-timeout-ms  of the nodes (default 500)
  --seed N               draws the same faults again (default: drawn, and printed)
  --dir PATH             where the data goes; kept when something is found (default ./.chaos)
  --sabotage             clients record wrong answers: the run must then fail
  --json                 the report as JSON on stdout
  --help

Exit codes: 0 nothing found, 1 a promise was broken or the run did too little, 2 wrong arguments.`;

function parse() {
  const { values } = parseArgs({
    allowNegative: true,
    options: {
      minutes: { type: "string", default: "1" },
      history: { type: "string" },
      nodes: { type: "string", default: "3" },
      membership: { type: "boolean", default: true },
      coordination: { type: "boolean", default: true },
      "nodes-max": { type: "string", default: "7" },
      network: { type: "string", default: "proxy" },
      "election-timeout-ms": { type: "string", default: "500" },
      seed: { type: "string", default: String(randomInt(1, 2 ** 31)) },
      dir: { type: "string", default: ".chaos" },
      sabotage: { type: "boolean", default: false },
      json: { type: "boolean", default: false },
      help: { type: "boolean", default: false },
    },
  });
  if (values.help) return undefined;
  const minutes = Number(values.minutes);
  if (!(minutes > 0)) throw new RangeError(`--minutes must lie above 0, got ${values.minutes}`);
  if (!["3", "5"].includes(values.nodes)) throw new RangeError("--nodes must be 3 or 5");
  const nodesMax = positive("nodes-max", values["nodes-max"]);
  if (nodesMax <= Number(values.nodes) || nodesMax > 15) {
    throw new RangeError(`--nodes-max must lie above --nodes, and at most at 15, got ${nodesMax}`);
  }
  const { network } = values;
  if (network !== "proxy" && network !== "namespaces") {
    throw new RangeError(`--network must be proxy or namespaces, got "${network}"`);
  }
  return {
    ...values,
    network,
    minutes,
    nodes: Number(values.nodes),
    nodesMax,
    electionTimeoutMs: positive("election-timeout-ms", values["election-timeout-ms"]),
    seed: positive("seed", values.seed),
  } as const;
}

function positive(name: string, text: string): number {
  const value = Number(text);
  if (Number.isSafeInteger(value) && value > 0) return value;
  throw new RangeError(`--${name} must be a positive integer, got "${text}"`);
}

function print(report: ChaosReport): void {
  const { violations, faults, operations, membership, snapshots, coordination, ...figures } =
    report;
  const lines = (title: string, counts: Readonly<Record<string, unknown>>): void => {
    console.log(title);
    for (const [name, value] of Object.entries(counts))
      console.log(`  ${name.padEnd(34)} ${value}`);
  };
  lines("run", figures);
  lines("faults that hit", faults);
  if (membership !== undefined) lines("members", membership);
  lines("snapshots", snapshots);
  if (coordination !== undefined) lines("locks, leases, watches", { ...coordination });
  lines("operations", operations);
  for (const violation of violations) console.log(`FOUND: ${violation}`);
  console.log(
    violations.length === 0
      ? "linearizable; nothing acknowledged is missing, all members agree"
      : `FAILED; draw the same faults with --seed ${report.seed} --nodes ${report.nodes}`,
  );
}

async function main(settings: NonNullable<ReturnType<typeof parse>>): Promise<number> {
  console.error(`seed ${settings.seed}`);
  for (const signal of ["SIGINT", "SIGTERM"]) {
    process.once(signal, () => {
      console.error(`${signal}: stopping everything`);
      process.exit(130);
    });
  }
  const report = await runChaos({
    ...settings,
    root: join(dirname(fileURLToPath(import.meta.url)), "..", "..", ".."),
    folder: join(resolve(settings.dir), `seed-${settings.seed}-pid-${process.pid}`),
    history: settings.history,
    progress: (line) => console.error(line),
  });
  if (settings.json) console.log(JSON.stringify(report));
  else print(report);
  return report.violations.length === 0 ? 0 : 1;
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
