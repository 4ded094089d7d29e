import { fork } from "node:child_process";
import type { Violation } from "./checkers/witness.js";
import { Coverage } from "./cluster/coverage.js";
import { runPlan } from "./run-plan.js";
import { drawPlan } from "./swarm/draw-plan.js";

/** What is known of one finished seed. */
export interface SeedOutcome {
  readonly seed: number;
  readonly violation: Violation | undefined;
  readonly eventHash: string;
  readonly simulatedMs: number;
  readonly operations: number;
  readonly coverage: readonly (readonly [string, number])[];
}

export interface CampaignOptions {
  /** Gives the next seed, or nothing when no more shall start. */
  readonly next: () => number | undefined;
  /** Processes that run seeds side by side; 1 runs them in this one. */
  readonly jobs: number;
  /** The script that a process of its own runs; it must call `serveSeeds`. */
  readonly workerScript: string;
  readonly onOutcome: (outcome: SeedOutcome) => void;
  /** Aborting ends the processes at once, in the middle of their seeds. */
  readonly signal: AbortSignal;
}

/** Runs one seed in this process. */
export async function runSeed(seed: number): Promise<SeedOutcome> {
  const result = await runPlan(drawPlan(seed));
  return {
    seed,
    violation: result.violation,
    eventHash: result.eventHash,
    simulatedMs: result.simulatedMs,
    operations: result.counts?.answered ?? 0,
    coverage: [...result.coverage],
  };
}

/** Runs many seeds; resolves when every seed that was started has ended. */
export async function runCampaign(options: CampaignOptions): Promise<Coverage> {
  const coverage = new Coverage();
  const report = (outcome: SeedOutcome): void => {
    coverage.merge(new Map(outcome.coverage));
    options.onOutcome(outcome);
  };
  if (options.jobs > 1) {
    const workers = Array.from({ length: options.jobs }, () => runWorker(options, report));
    await Promise.all(workers);
    return coverage;
  }
  for (let seed = options.next(); seed !== undefined; seed = options.next()) {
    report(await runSeed(seed));
  }
  return coverage;
}

/** Feeds one process of its own with seeds, one at a time. */
function runWorker(
  { next, workerScript, signal }: CampaignOptions,
  report: (outcome: SeedOutcome) => void,
): Promise<void> {
  const worker = fork(workerScript, ["--worker"]);
  return new Promise((resolve, reject) => {
    let running: number | undefined;
    const feed = (): void => {
      running = next();
      if (running === undefined) worker.disconnect();
      else worker.send(running);
    };
    worker.on("message", (outcome) => {
      report(outcome as SeedOutcome);
      if (!signal.aborted) feed();
    });
    worker.on("error", reject);
    signal.addEventListener("abort", () => worker.kill("SIGKILL"));
    worker.on("exit", (code) => {
      if (running === undefined || signal.aborted) resolve();
      else reject(new Error(`the process of seed ${running} ended with code ${code}`));
    });
    feed();
  });
}

/** What a worker does: runs the seeds that its parent sends, one at a time, and answers each. */
export function serveSeeds(): void {
  process.on("message", (seed: number) => {
    runSeed(seed).then(
      (outcome) => process.send?.(outcome),
      (error: unknown) => {
        console.error(`seed ${seed}:`, error);
        process.exit(1);
      },
    );
  });
}
