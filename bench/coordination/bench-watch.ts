import { join } from "node:path";
import type { LoadWindow } from "../snapshot/put-load.js";
import { median } from "../statistics.js";
import { type FanOut, type NodeProcess, type WatchedKeys, withNode } from "./node-requests.js";

export interface WatchBenchOptions {
  readonly folder: string;
  readonly watchers: number;
  readonly valueBytes: number;
  readonly callers: number;
  readonly repetitions: number;
  readonly durationMs: number;
  readonly progress: (line: string) => void;
}

/** A durable put while there are watchers, over one without, from stretches that alternated. */
export interface WatchCost {
  /** Whether the watched keys are those that are put, or others. */
  readonly keys: WatchedKeys;
  readonly perSecond: number;
  readonly cpuMicrosPerPut: number;
  readonly rateRatio: number;
  readonly cpuRatio: number;
}

export interface WatchResult {
  readonly watchers: number;
  readonly callers: number;
  readonly unwatched: { readonly perSecond: number; readonly cpuMicrosPerPut: number };
  readonly costs: readonly WatchCost[];
  readonly bytesPerWatcher: number;
  readonly fanOut: { readonly embedded: FanOut; readonly remote: FanOut };
}

const subjects = ["unwatched", "others", "put"] as const;
type Subject = (typeof subjects)[number];

/** What watchers cost a put, and how long an event takes to as many readers. */
export async function benchWatch(options: WatchBenchOptions): Promise<WatchResult> {
  const { folder, watchers, callers, valueBytes, progress } = options;
  const setup = { dataDir: join(folder, "node"), keys: watchers, valueBytes };
  return await withNode(setup, async (node) => {
    progress(`puts of ${watchers} keys, ${callers} at a time, with as many watchers and without`);
    const measured = await compare(node, options);
    progress(`one key with ${watchers} watchers`);
    const readers = watchers;
    const embedded = await node.ask({ kind: "fanOut", remote: false, readers });
    const remote = await node.ask({ kind: "fanOut", remote: true, readers });
    return {
      watchers,
      callers,
      ...measured,
      fanOut: { embedded: embedded.fanOut!, remote: remote.fanOut! },
    };
  });
}

async function compare(node: NodeProcess, options: WatchBenchOptions) {
  const { watchers: count, callers, durationMs, repetitions } = options;
  const loads: Record<Subject, LoadWindow[]> = { unwatched: [], others: [], put: [] };
  const bytes: number[] = [];
  // The first repetition warms up and is not reported.
  for (let repetition = 0; repetition <= repetitions; repetition++) {
    const order = repetition % 2 === 0 ? subjects : [...subjects].reverse();
    for (const subject of order) {
      // No watchers are opened likewise: what precedes a load is the same for all.
      const wanted = subject === "unwatched" ? { count: 0 } : { count, keys: subject };
      const { bytesPerWatcher } = await node.ask({ kind: "watch", ...wanted });
      if (repetition > 0 && subject !== "unwatched") bytes.push(bytesPerWatcher!);
      const { load } = await node.ask({ kind: "puts", callers, durationMs });
      await node.ask({ kind: "unwatch" });
      if (repetition > 0) loads[subject].push(load!);
    }
  }
  const of = (subject: Subject) => ({
    perSecond: median(loads[subject].map(({ perSecond }) => perSecond)),
    cpuMicrosPerPut: median(loads[subject].map(({ cpuMicrosPerPut }) => cpuMicrosPerPut)),
  });
  const ratio = (subject: Subject, figure: "perSecond" | "cpuMicrosPerPut") =>
    median(loads[subject].map((load, n) => load[figure] / loads.unwatched[n]![figure]));
  const costs = (["others", "put"] as const).map((keys) => ({
    keys,
    ...of(keys),
    rateRatio: ratio(keys, "perSecond"),
    cpuRatio: ratio(keys, "cpuMicrosPerPut"),
  }));
  return { unwatched: of("unwatched"), costs, bytesPerWatcher: median(bytes) };
}
