import { join } from "node:path";
import { EmbeddedEngine } from "d-engine";
import { keyBytes, type LoadResult, prepareKeys, runCallers } from "./callers.js";
import { RawLimit } from "./raw-limit.js";
import { RawLog } from "./raw-log.js";
import { measureReads, type ReadResult } from "./reads.js";
import { Latencies, median, spread } from "./statistics.js";

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

/** Medians over the repetitions. */
export interface Summary extends LoadResult {
  /** From the slowest to the fastest repetition, as a fraction of the median. */
  readonly spread: number;
}

export interface PutResult {
  readonly callers: number;
  readonly raw: Summary;
  readonly engine: Summary;
  /** Median of the ratios of repetitions that ran side by side. */
  readonly ratio: number;
  readonly ratioMin: number;
  readonly ratioMax: number;
}

export interface SingleNodeResult {
  readonly puts: readonly PutResult[];
  readonly reads: readonly ReadResult[];
}

interface Subject {
  readonly name: "raw" | "engine";
  put(key: Uint8Array, value: Uint8Array): Promise<unknown>;
}

const latenciesMax = 10_000_000;

/**
 * Durable puts into one embedded node, each repetition beside one of the raw limit on the same
 * disk, in alternating order, so that whatever else the machine does meets both alike.
 */
export async function benchSingleNode(options: SingleNodeOptions): Promise<SingleNodeResult> {
  const { folder, valueBytes, keys: keyCount, progress } = options;
  const log = await RawLog.create(join(folder, "raw"));
  const limit = new RawLimit(log, keyBytes, valueBytes);
  await using engine = await EmbeddedEngine.start(join(folder, "engine"));
  await engine.waitReady({ timeoutMs: 30_000 });
  const client = engine.client();
  const keys = prepareKeys(keyCount);
  const latencies = new Latencies(latenciesMax);
  const subjects: readonly Subject[] = [
    { name: "raw", put: (key, value) => limit.put(key, value) },
    { name: "engine", put: (key, value) => client.put(key, value) },
  ];
  progress("warming up");
  for (const subject of subjects) await fill(subject, keys, valueBytes);
  for (const callers of [1000, 1]) {
    for (const { put } of subjects) {
      await runCallers(put, keys, latencies, { callers, durationMs: 500, valueBytes });
    }
  }
  const puts: PutResult[] = [];
  for (const callers of options.callers) {
    progress(`durable puts, ${callers} at a time`);
    puts.push(await comparePuts(subjects, callers, keys, latencies, options));
  }
  const reads = await measureReads({ client, limit, keys, latencies, options });
  await log.close();
  return { puts, reads };
}

/** Every key once, so that maps and trees have their size before anything is measured. */
async function fill(
  { put }: Subject,
  keys: readonly Uint8Array[],
  valueBytes: number,
): Promise<void> {
  const value = new Uint8Array(valueBytes);
  const batch = 1000;
  for (let from = 0; from < keys.length; from += batch) {
    await Promise.all(keys.slice(from, from + batch).map((key) => put(key, value)));
  }
}

async function comparePuts(
  subjects: readonly Subject[],
  callers: number,
  keys: readonly Uint8Array[],
  latencies: Latencies,
  { repetitions, durationMs, valueBytes }: SingleNodeOptions,
): Promise<PutResult> {
  const results = { raw: [] as LoadResult[], engine: [] as LoadResult[] };
  for (let repetition = 0; repetition < repetitions; repetition++) {
    const order = repetition % 2 === 0 ? subjects : [...subjects].reverse();
    for (const { name, put } of order) {
      const load = { callers, durationMs, valueBytes };
      results[name].push(await runCallers(put, keys, latencies, load));
    }
  }
  const ratios = results.engine.map(({ perSecond }, n) => perSecond / results.raw[n]!.perSecond);
  return {
    callers,
    raw: summarize(results.raw),
    engine: summarize(results.engine),
    ratio: median(ratios),
    ratioMin: Math.min(...ratios),
    ratioMax: Math.max(...ratios),
  };
}

function summarize(results: readonly LoadResult[]): Summary {
  const rates = results.map(({ perSecond }) => perSecond);
  return {
    perSecond: median(rates),
    p50Ms: median(results.map(({ p50Ms }) => p50Ms)),
    p99Ms: median(results.map(({ p99Ms }) => p99Ms)),
    spread: spread(rates),
  };
}
