import { join } from "node:path";
import { EmbeddedEngine } from "d-engine";
import { keyBytes, type LoadResult, prepareKeys, runCallers } from "./callers.js";
import type { SingleNodeOptions } from "./options.js";
import { RawLimit } from "./raw-limit.js";
import { RawLog } from "./raw-log.js";
import { measureReads, type ReadResult } from "./reads.js";
import { Latencies, median, spread } from "./statistics.js";

/** Medians over the repetitions of one subject. */
export interface SubjectResult extends LoadResult {
  readonly name: string;
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

interface Subject {
  readonly name: string;
  put(key: Uint8Array, value: Uint8Array): Promise<unknown>;
}

const latenciesMax = 10_000_000;
const engineName = "engine";

/**
 * Durable puts into one embedded node, each repetition beside one of the raw limit on the same
 * disk, in alternating order, so that whatever else the machine does meets both alike.
 */
export async function benchSingleNode(options: SingleNodeOptions): Promise<SingleNodeResult> {
  const { folder, valueBytes, keys: keyCount, progress } = options;
  const log = await RawLog.create(join(folder, "raw"));
  const limit = new RawLimit(log, { keyBytes, valueBytes });
  const logInPlace = await RawLog.create(join(folder, "raw-in-place"));
  const limitInPlace = new RawLimit(logInPlace, { keyBytes, valueBytes, inPlace: true });
  await using engine = await EmbeddedEngine.start(join(folder, "engine"));
  await engine.waitReady({ timeoutMs: 30_000 });
  const client = engine.client();
  const keys = prepareKeys(keyCount);
  const latencies = new Latencies(latenciesMax);
  const subjects: readonly Subject[] = [
    { name: "raw limit", put: (key, value) => limit.put(key, value) },
    { name: "raw, in place", put: (key, value) => limitInPlace.put(key, value) },
    { name: engineName, put: (key, value) => client.put(key, value) },
  ];
  progress("warming up");
  await warmUp(subjects, keys, latencies, options);
  const puts: PutResult[] = [];
  for (const callers of options.callers) {
    progress(`durable puts, ${callers} at a time`);
    puts.push(await comparePuts(subjects, callers, keys, latencies, options));
  }
  const reads = await measureReads({ client, limit, keys, latencies, options });
  await log.close();
  await logInPlace.close();
  return { puts, reads };
}

/** Every key once, so that maps and trees have their size; then each path until it is compiled. */
async function warmUp(
  subjects: readonly Subject[],
  keys: readonly Uint8Array[],
  latencies: Latencies,
  { valueBytes, durationMs }: SingleNodeOptions,
): Promise<void> {
  const value = new Uint8Array(valueBytes);
  const together = 1000;
  for (const { put } of subjects) {
    for (let from = 0; from < keys.length; from += together) {
      await Promise.all(keys.slice(from, from + together).map((key) => put(key, value)));
    }
  }
  for (const callers of [together, 1]) {
    for (const { put } of subjects) {
      await runCallers(put, keys, latencies, { callers, durationMs, valueBytes });
    }
  }
}

async function comparePuts(
  subjects: readonly Subject[],
  callers: number,
  keys: readonly Uint8Array[],
  latencies: Latencies,
  { repetitions, durationMs, valueBytes }: SingleNodeOptions,
): Promise<PutResult> {
  const results = new Map(subjects.map(({ name }) => [name, [] as LoadResult[]]));
  for (let repetition = 0; repetition < repetitions; repetition++) {
    const order = repetition % 2 === 0 ? subjects : [...subjects].reverse();
    for (const { name, put } of order) {
      const load = { callers, durationMs, valueBytes };
      results.get(name)!.push(await runCallers(put, keys, latencies, load));
    }
  }
  const engine = results.get(engineName)!;
  return {
    callers,
    subjects: subjects.map(({ name }) => summarize(name, results.get(name)!, engine)),
  };
}

function summarize(
  name: string,
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
    spread: spread(rates),
    ...(results === engine ? {} : { ratio }),
  };
}
