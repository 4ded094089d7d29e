import { join } from "node:path";
import type { LoadResult } from "./callers.js";
import type { ReadResult } from "./reads.js";
import { median, spread } from "./statistics.js";
import { SUBJECTS, Subject, type SubjectName } from "./subject.js";

/** What is measured on one node, how long and how often. */
export interface SingleNodeOptions {
  /** An empty folder on the disk that is to be measured. */
  readonly folder: string;
  readonly callers: readonly number[];
  readonly repetitions: number;
  /** Of one repetition of one subject. */
  readonly durationMs: number;
  readonly keys: number;
  readonly valueBytes: number;
  readonly progress: (line: string) => void;
}

/** Medians over the repetitions of one subject. */
export interface SubjectResult extends LoadResult {
  readonly name: SubjectName;
  /** From the slowest to the fastest repetition, as a fraction of the median. */
  readonly spread: number;
  /** Engine to this subject, over the repetitions that ran side by side; absent for itself. */
  readonly ratio?: { readonly median: number; readonly min: number; readonly max: number };
}

export interface PutResult {
  readonly callers: number;
  readonly subjects: readonly SubjectResult[];
}

export interface SingleNodeResult {
  readonly puts: readonly PutResult[];
  readonly reads: readonly ReadResult[];
}

/**
 * Durable puts into one embedded node, each repetition beside one of the raw limit on the same
 * disk, in alternating order, so that whatever else the machine does meets both alike.
 */
export async function benchSingleNode(options: SingleNodeOptions): Promise<SingleNodeResult> {
  const { folder, keys, valueBytes, durationMs, repetitions, progress } = options;
  progress("warming up");
  const subjects: Subject[] = [];
  for (const [number, name] of SUBJECTS.entries()) {
    const own = join(folder, `subject-${number}`);
    const subject = await Subject.start({ name, folder: own, keys, valueBytes });
    for (const callers of [1000, 1, 1000]) await subject.puts(callers, durationMs);
    subjects.push(subject);
  }
  const puts: PutResult[] = [];
  for (const callers of options.callers) {
    progress(`durable puts, ${callers} at a time`);
    puts.push(await comparePuts(subjects, callers, options));
  }
  progress("reads");
  const reads: ReadResult[] = [];
  for (const subject of subjects) {
    if (subject.name !== "raw, in place") {
      reads.push(...(await subject.reads(repetitions, durationMs)));
    }
    await subject.stop();
  }
  return { puts, reads };
}

async function comparePuts(
  subjects: readonly Subject[],
  callers: number,
  { repetitions, durationMs }: SingleNodeOptions,
): Promise<PutResult> {
  const results = new Map(subjects.map(({ name }) => [name, [] as LoadResult[]]));
  for (let repetition = 0; repetition < repetitions; repetition++) {
    const order = repetition % 2 === 0 ? subjects : [...subjects].reverse();
    for (const subject of order) {
      results.get(subject.name)!.push(await subject.puts(callers, durationMs));
    }
  }
  const engine = results.get("engine")!;
  return {
    callers,
    subjects: subjects.map(({ name }) => summarize(name, results.get(name)!, engine)),
  };
}

function summarize(
  name: SubjectName,
  results: readonly LoadResult[],
  engine: readonly LoadResult[],
): SubjectResult {
  const rates = results.map(({ perSecond }) => perSecond);
  const ratios = rates.map((perSecond, n) => engine[n]!.perSecond / perSecond);
  const ratio = { median: median(ratios), min: Math.min(...ratios), max: Math.max(...ratios) };
  return {
    name,
    perSecond: median(rates),
    p50Ms: median(results.map(({ p50Ms }) => p50Ms)),
    p99Ms: median(results.map(({ p99Ms }) => p99Ms)),
    cpuMicrosPerPut: median(results.map(({ cpuMicrosPerPut }) => cpuMicrosPerPut)),
    spread: spread(rates),
    ...(results === engine ? {} : { ratio }),
  };
}
