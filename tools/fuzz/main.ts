import { parseArgs } from "node:util";
import { EVERY_TARGET } from "./every-target.js";
import { regressionsOf } from "./regressions.js";
import { execute, type Finding, fuzz } from "./run-target.js";
import type { FuzzTarget } from "./target.js";

const USAGE = `npm run fuzz [-- NAME…] [--seconds N] [--seed N] [--json] [--list] [--input HEX]

  NAME         targets whose name begins so; without one all of them
  --seconds N  how long, shared among the targets (60)
  --seed N     where chance begins: the same seed gives the same inputs (drawn, and printed)
  --input HEX  tries one input on one target, as a finding prints it
  --json       one line of JSON for each target
  --list       the names of the targets`;

async function main(): Promise<number> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      seconds: { type: "string", default: "60" },
      seed: { type: "string" },
      input: { type: "string" },
      json: { type: "boolean", default: false },
      list: { type: "boolean", default: false },
      help: { type: "boolean", default: false },
    },
  });
  const targets = EVERY_TARGET.filter(({ name }) => {
    return positionals.length === 0 || positionals.some((wanted) => name.startsWith(wanted));
  });
  const seconds = Number(values.seconds);
  const seed =
    values.seed === undefined ? Math.floor(Math.random() * 2 ** 32) : Number(values.seed);
  const isBad = !(seconds > 0) || !Number.isInteger(seed) || seed < 0 || seed >= 2 ** 32;
  if (values.help || isBad || targets.length === 0) {
    process.stderr.write(`${USAGE}\n`);
    return values.help ? 0 : 2;
  }
  if (values.list) {
    process.stdout.write(`${targets.map(({ name }) => name).join("\n")}\n`);
    return 0;
  }
  if (values.input !== undefined) return await tryOne(targets, Buffer.from(values.input, "hex"));
  return await fuzzAll(targets, { seed, seconds: seconds / targets.length, json: values.json });
}

interface Run {
  readonly seed: number;
  /** For each target. */
  readonly seconds: number;
  readonly json: boolean;
}

async function fuzzAll(
  targets: readonly FuzzTarget[],
  { seed, seconds, json }: Run,
): Promise<number> {
  const findings: Finding[] = [];
  if (!json) process.stdout.write(`seed ${seed}, ${seconds.toFixed(1)} s each\n`);
  for (const target of targets) {
    const result = await fuzz(target, {
      seed,
      seconds,
      first: regressionsOf(target.name),
      onProgress: (executions, found) => {
        process.stderr.write(`  ${target.name}: ${executions} inputs, ${found} findings\n`);
      },
    });
    findings.push(...result.findings);
    const { executions, taken } = result;
    const rate = Math.round(executions / result.seconds);
    const row = `${target.name.padEnd(26)} ${String(executions).padStart(9)} inputs ${String(rate).padStart(7)}/s`;
    const share = `${((100 * taken) / executions).toFixed(1).padStart(5)} % understood`;
    process.stdout.write(
      json
        ? `${JSON.stringify(result)}\n`
        : `${row} ${share}, ${result.findings.length} findings\n`,
    );
    for (const { problem, hex } of json ? [] : result.findings) {
      process.stdout.write(`  ${problem}\n  npm run fuzz -- ${target.name} --input ${hex}\n`);
    }
  }
  return findings.length === 0 ? 0 : 1;
}

async function tryOne(
  [target, ...others]: readonly FuzzTarget[],
  input: Uint8Array,
): Promise<number> {
  if (target === undefined || others.length > 0) {
    process.stderr.write("--input is for one target; name it\n");
    return 2;
  }
  await target.open?.();
  const outcome = await execute(target, input);
  await target.close?.();
  process.stdout.write(`${target.name}: ${outcome}\n`);
  return outcome === "taken" || outcome === "refused" ? 0 : 1;
}

process.exitCode = await main();
