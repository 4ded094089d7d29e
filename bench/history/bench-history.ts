import { join } from "node:path";
import { withNode } from "../coordination/node-requests.js";
import type { LoadWindow } from "../snapshot/put-load.js";
import { median } from "../statistics.js";
import { type EventMemory, type StoreProcess, storeProcess } from "./store-requests.js";

export interface HistoryOptions {
  readonly folder: string;
  readonly keyCounts: readonly number[];
  readonly valueBytes: number;
  readonly callers: number;
  readonly repetitions: number;
  readonly durationMs: number;
  readonly progress: (line: string) => void;
}

/** Medians over the repetitions with so many keys. */
export interface HistoryFigures {
  readonly keys: number;
  /** CPU of applying a put, in nanoseconds, and the same without a history. */
  readonly applyCpuNanos: number;
  readonly referenceCpuNanos: number;
  /** Of these two, over the repetitions that ran side by side. */
  readonly applyRatio: number;
  /** Of a durable put, with everything that belongs to it. */
  readonly putsPerSecond: number;
  readonly cpuMicrosPerPut: number;
  /** CPU of a durable put as a multiple of that with the fewest keys, side by side. */
  readonly putRatio: number;
}

export interface HistoryResult {
  readonly callers: number;
  readonly figures: readonly HistoryFigures[];
  readonly memory: EventMemory;
}

const putsOfRepetition = 200_000;

/** What remembering the past costs a put, with few keys and with many. */
export async function benchHistory(options: HistoryOptions): Promise<HistoryResult> {
  const applied = await benchApply(options);
  const loads = await benchNodes(options);
  const first = loads[0]!;
  const figures = options.keyCounts.map((keys, at) => {
    const puts = loads[at]!;
    const ratios = puts.map(
      ({ cpuMicrosPerPut }, n) => cpuMicrosPerPut / first[n]!.cpuMicrosPerPut,
    );
    return {
      keys,
      ...applied[at]!,
      putsPerSecond: median(puts.map(({ perSecond }) => perSecond)),
      cpuMicrosPerPut: median(puts.map(({ cpuMicrosPerPut }) => cpuMicrosPerPut)),
      putRatio: median(ratios),
    };
  });
  return { callers: options.callers, figures, memory: await measureMemory(options) };
}

/** The store alone, beside one that gives up its history again and again. */
async function benchApply({ keyCounts, valueBytes, repetitions, progress }: HistoryOptions) {
  const figures = [];
  for (const keys of keyCounts) {
    progress(`applying puts of ${keys} keys, with and without history`);
    figures.push(
      await withStores(["with", "without"], async ([withIt, without]) => {
        await withIt!.ask({ kind: "fill", setup: { keys, valueBytes, history: true } });
        await without!.ask({ kind: "fill", setup: { keys, valueBytes, history: false } });
        const cpu: number[] = [];
        const reference: number[] = [];
        // The first repetition warms up and is not reported.
        for (let repetition = 0; repetition <= repetitions; repetition++) {
          const a = await applyCpu(withIt!);
          const b = await applyCpu(without!);
          if (repetition === 0) continue;
          cpu.push(a);
          reference.push(b);
        }
        return {
          applyCpuNanos: median(cpu),
          referenceCpuNanos: median(reference),
          applyRatio: median(cpu.map((nanos, n) => nanos / reference[n]!)),
        };
      }),
    );
  }
  return figures;
}

async function applyCpu(store: StoreProcess): Promise<number> {
  const { cost } = await store.ask({ kind: "puts", count: putsOfRepetition });
  return cost!.cpuNanos;
}

/** Durable puts into nodes with few and many keys, in turns. One list of loads for each count. */
async function benchNodes(options: HistoryOptions): Promise<readonly (readonly LoadWindow[])[]> {
  const { folder, keyCounts, valueBytes, callers, repetitions, durationMs, progress } = options;
  const loads: LoadWindow[][] = keyCounts.map(() => []);
  const nodes: ((count: number) => Promise<LoadWindow>)[] = [];
  const open = async (at: number): Promise<void> => {
    if (at < keyCounts.length) {
      const keys = keyCounts[at]!;
      progress(`writing ${keys} keys into a node`);
      const setup = { dataDir: join(folder, `keys-${keys}`), keys, valueBytes };
      await withNode(setup, async (node) => {
        nodes.push(async (ms) => {
          const { load } = await node.ask({ kind: "puts", callers, durationMs: ms });
          return load!;
        });
        await open(at + 1);
      });
      return;
    }
    progress(`durable puts, ${callers} at a time`);
    for (let repetition = 0; repetition <= repetitions; repetition++) {
      for (const [n, puts] of nodes.entries()) {
        const load = await puts(durationMs);
        if (repetition > 0) loads[n]!.push(load);
      }
    }
  };
  await open(0);
  return loads;
}

async function measureMemory({ keyCounts, valueBytes, progress }: HistoryOptions) {
  progress("memory of an event");
  const keys = Math.min(...keyCounts);
  return await withStores(["memory"], async ([store]) => {
    await store!.ask({ kind: "fill", setup: { keys, valueBytes, history: true } });
    const { memory } = await store!.ask({ kind: "memory" });
    return memory!;
  });
}

async function withStores<T>(
  names: readonly string[],
  use: (stores: readonly StoreProcess[]) => Promise<T>,
): Promise<T> {
  const stores = names.map(storeProcess);
  try {
    return await use(stores);
  } finally {
    for (const store of stores) store.kill();
  }
}
