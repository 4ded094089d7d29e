#!/usr/bin/env node
/**
 * Runs simulations. Usage:
 *   simulate -- --seed N [--events LINES]     one seed, with its newest events
 *   simulate -- --seeds A..B [--jobs N]       seeds A to B, both included
 *   simulate -- --fresh N [--jobs N]          N seeds that nobody ran before, as CI does
 *              --change HASH                  drawn from what is tested: the same again next time
 *   simulate -- --minutes N [--jobs N]        fresh seeds for that long
 *   simulate -- --replay FILE [--events N]    a plan that a failure left behind
 * With --brief a failure is told in one line, without looking for a smaller plan.
 * A run of many seeds runs the first of them again: the same seed must be the same run.
 * Exit code 0: every promise held; 1: one was broken, a rare branch was never reached, or a seed
 * was not the same twice.
 */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { runCampaign, runSeed, type SeedOutcome, serveSeeds } from "./campaign.js";
import { neverReached, notTheSame } from "./campaign-verdict.js";
import type { Coverage } from "./cluster/coverage.js";
import { failureReport, planSummary } from "./report.js";
import { runPlan } from "./run-plan.js";
import { drawPlan } from "./swarm/draw-plan.js";
import type { Plan } from "./swarm/plan.js";
import { shrinkPlan } from "./swarm/shrink-plan.js";

/** How many seeds of a run are run again. */
const repeatedSeeds = 5;
const reportedEvents = 80;

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      seed: { type: "string" },
      seeds: { type: "string" },
      fresh: { type: "string" },
      change: { type: "string" },
      minutes: { type: "string" },
      replay: { type: "string" },
      jobs: { type: "string", default: "2" },
      events: { type: "string" },
      brief: { type: "boolean", default: false },
      worker: { type: "boolean", default: false },
    },
  });
  if (values.worker) {
    serveSeeds();
    return 0;
  }
  const events = values.events === undefined ? undefined : count("--events", values.events);
  if (values.replay !== undefined) {
    const plan = JSON.parse(readFileSync(values.replay, "utf8")) as Plan;
    return await single(plan, events);
  }
  if (values.seed !== undefined)
    return await single(drawPlan(count("--seed", values.seed)), events);
  const jobs = Math.max(1, count("--jobs", values.jobs));
  const { brief } = values;
  if (values.fresh !== undefined) {
    const first = values.change === undefined ? freshSeed() : seedOfChange(values.change);
    const last = first + count("--fresh", values.fresh) - 1;
    console.log(`fresh seeds: npm run simulate -- --seeds ${first}..${last}`);
    const goesOn = (seed: number) => seed <= last;
    return await many({ first, jobs, brief, goesOn, total: last - first + 1 });
  }
  if (values.minutes !== undefined) {
    const first = freshSeed();
    const endMs = performance.now() + Number(values.minutes) * 60_000;
    const goesOn = () => performance.now() < endMs;
    return await many({ first, jobs, brief, goesOn, total: undefined });
  }
  const [from, to] = (values.seeds ?? "1..200").split("..").map((text) => count("--seeds", text));
  const last = to ?? from!;
  const goesOn = (seed: number) => seed <= last;
  return await many({ first: from!, jobs, brief, goesOn, total: last - from! + 1 });
}

/** Runs that begin in different seconds share no seeds. */
function freshSeed(): number {
  return Math.floor(Date.now() / 1000) * 10_000;
}

/** Other seeds for every change of the sources, and the same ones whenever that is run again. */
function seedOfChange(hash: string): number {
  const digits = /^[0-9a-f]{10}/.exec(hash)?.[0];
  if (digits === undefined) {
    throw new RangeError(`--change must be a hash of at least 10 hex digits, got "${hash}"`);
  }
  return Number.parseInt(digits, 16) * 1000;
}

async function single(plan: Plan, events: number | undefined): Promise<number> {
  const result = await runPlan(plan, { tailLines: events ?? reportedEvents });
  if (result.violation !== undefined) {
    console.log(failureReport(result));
    return 1;
  }
  if (events !== undefined) console.log(result.tail.join("\n"));
  const { counts } = result;
  console.log(`seed ${plan.seed}: every promise held; event hash ${result.eventHash}`);
  console.log(planSummary(plan));
  console.log(`${result.events} events, ${counts?.answered} answers, ${counts?.unknown} unknown`);
  return 0;
}

interface Range {
  readonly first: number;
  readonly jobs: number;
  readonly brief: boolean;
  readonly goesOn: (seed: number) => boolean;
  readonly total: number | undefined;
}

async function many({ first, jobs, brief, goesOn, total }: Range): Promise<number> {
  const progress = new Progress(total);
  const outcomes: SeedOutcome[] = [];
  const { coverage, failed } = await campaign(first, goesOn, jobs, (outcome) => {
    progress.add(outcome);
    if (outcomes.length < repeatedSeeds) outcomes.push(outcome);
  });
  progress.end();
  if (failed !== undefined) {
    const { violation } = failed;
    if (brief) console.log(`seed ${failed.seed} breaks ${violation?.rule}: ${violation?.message}`);
    else await explain(failed);
    return 1;
  }
  const names = [...coverage.counts].map(
    ([name, times]) => `  ${String(times).padStart(9)}  ${name}`,
  );
  console.log(["rare branches reached:", ...names].join("\n"));
  const again: SeedOutcome[] = [];
  for (const { seed } of outcomes) again.push(await runSeed(seed));
  const problems = [neverReached(coverage, progress.seeds), notTheSame(outcomes, again)];
  for (const problem of problems) if (problem !== undefined) console.log(problem);
  return problems.every((problem) => problem === undefined) ? 0 : 1;
}

/** Runs seeds from `first` on, up to the first failure. */
async function campaign(
  first: number,
  goesOn: (seed: number) => boolean,
  jobs: number,
  onOutcome: (outcome: SeedOutcome) => void,
): Promise<{ coverage: Coverage; failed: SeedOutcome | undefined }> {
  let seed = first;
  let failed: SeedOutcome | undefined;
  const stop = new AbortController();
  const coverage = await runCampaign({
    signal: stop.signal,
    jobs,
    workerScript: fileURLToPath(import.meta.url),
    next: () => {
      if (failed !== undefined || !goesOn(seed)) return undefined;
      seed += 1;
      return seed - 1;
    },
    onOutcome: (outcome) => {
      onOutcome(outcome);
      if (outcome.violation === undefined) return;
      failed ??= outcome;
      stop.abort();
    },
  });
  return { coverage, failed };
}

/** Prints the failure, looks for a smaller plan that fails alike, and keeps that. */
async function explain({ seed, violation }: SeedOutcome): Promise<void> {
  const plan = drawPlan(seed);
  console.log(failureReport(await runPlan(plan, { tailLines: reportedEvents })));
  console.log(`again: npm run simulate -- --seed ${seed}\nlooking for a smaller plan …`);
  const small = await shrinkPlan(plan, async (candidate) => {
    const result = await runPlan(candidate);
    return result.violation?.rule === violation?.rule;
  });
  const directory = ".tmp/simulate";
  mkdirSync(directory, { recursive: true });
  const file = `${directory}/seed-${seed}.json`;
  writeFileSync(file, `${JSON.stringify(small, undefined, 2)}\n`);
  console.log(failureReport(await runPlan(small, { tailLines: reportedEvents })));
  console.log(`the smaller plan again: npm run simulate -- --replay ${file}`);
}

/** One line that says how fast it goes and how far it is. */
class Progress {
  seeds = 0;
  readonly #total: number | undefined;
  readonly #startedMs = performance.now();
  #simulatedMs = 0;
  #operations = 0;
  #failures = 0;
  #shownMs = 0;

  constructor(total: number | undefined) {
    this.#total = total;
  }

  add(outcome: SeedOutcome): void {
    this.seeds += 1;
    this.#simulatedMs += outcome.simulatedMs;
    this.#operations += outcome.operations;
    if (outcome.violation !== undefined) this.#failures += 1;
    const { isTTY } = process.stderr;
    if (performance.now() - this.#shownMs < (isTTY ? 500 : 30_000)) return;
    this.#shownMs = performance.now();
    process.stderr.write(isTTY ? `\r${this.#line()}` : `${this.#line()}\n`);
  }

  end(): void {
    if (process.stderr.isTTY) process.stderr.write("\n");
    console.log(this.#line());
  }

  #line(): string {
    const seconds = (performance.now() - this.#startedMs) / 1000;
    const hours = this.#simulatedMs / 3_600_000;
    const of = this.#total === undefined ? "" : ` of ${this.#total}`;
    return (
      `${this.seeds}${of} seeds in ${seconds.toFixed(0)} s, ` +
      `${(this.seeds / seconds).toFixed(1)} seeds/s, ${hours.toFixed(2)} h simulated, ` +
      `${this.#operations} answers, ${this.#failures} failures`
    );
  }
}

function count(name: string, text: string): number {
  const value = Number(text);
  if (!Number.isSafeInteger(value) || value < 0) throw new Error(`${name}: not a count: ${text}`);
  return value;
}

try {
  process.exitCode = await main();
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 2;
}
