import { join } from "node:path";
import { median } from "../statistics.js";
import { type LockRounds, withNode } from "./node-requests.js";

export interface LocksOptions {
  readonly folder: string;
  readonly valueBytes: number;
  readonly repetitions: number;
  readonly progress: (line: string) => void;
}

/** Medians over all rounds, in milliseconds. */
export interface LockCost {
  readonly remote: boolean;
  readonly rounds: number;
  readonly lockMs: number;
  /** Two puts one after the other. */
  readonly putsMs: number;
  /** Of a lock to two puts, over the repetitions: the middle one, the lowest and the highest. */
  readonly ratio: { readonly median: number; readonly min: number; readonly max: number };
}

export interface LocksResult {
  readonly costs: readonly LockCost[];
}

const roundsOfRepetition = 300;
const keys = 1000;

/** A lock that nobody else wants beside two puts, from the process of the node and over the network. */
export async function benchLocks(options: LocksOptions): Promise<LocksResult> {
  const { folder, valueBytes, repetitions, progress } = options;
  return await withNode({ dataDir: join(folder, "node"), keys, valueBytes }, async (node) => {
    const seen: Record<"embedded" | "remote", LockRounds[]> = { embedded: [], remote: [] };
    for (let repetition = 0; repetition < repetitions; repetition++) {
      progress(`locks beside puts, ${repetition + 1} of ${repetitions}`);
      for (const where of ["embedded", "remote"] as const) {
        const wanted = { remote: where === "remote", rounds: roundsOfRepetition };
        const { locks } = await node.ask({ kind: "locks", ...wanted });
        seen[where].push(locks!);
      }
    }
    return { costs: [summarize(false, seen.embedded), summarize(true, seen.remote)] };
  });
}

function summarize(remote: boolean, repetitions: readonly LockRounds[]): LockCost {
  const ratios = repetitions.map(({ lockMs, putsMs }) => median(lockMs) / median(putsMs));
  return {
    remote,
    rounds: repetitions.length * roundsOfRepetition,
    lockMs: median(repetitions.flatMap(({ lockMs }) => lockMs)),
    putsMs: median(repetitions.flatMap(({ putsMs }) => putsMs)),
    ratio: { median: median(ratios), min: Math.min(...ratios), max: Math.max(...ratios) },
  };
}
