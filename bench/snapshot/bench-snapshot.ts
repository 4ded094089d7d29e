import { join } from "node:path";
import { median } from "../statistics.js";
import { type FreezeSample, withProcess } from "./node-requests.js";
import type { LoadWindow } from "./put-load.js";
import type { Stalls } from "./stall-meter.js";

export interface SnapshotOptions {
  readonly folder: string;
  readonly keys: number;
  readonly valueBytes: number;
  readonly callers: number;
  readonly repetitions: number;
  readonly progress: (line: string) => void;
}

export interface SnapshotResult {
  readonly freeze: {
    readonly keys: number;
    readonly callers: number;
    readonly bytes: number;
    readonly samples: readonly FreezeSample[];
    /** Put rate during a snapshot as a fraction of that around it, in the same load. */
    readonly rateRatio: number;
    /** CPU of a put, the snapshot's included, as a multiple of that around it. */
    readonly cpuRatio: number;
    readonly during: Stalls;
    /** In the stretches without a snapshot. */
    readonly around: Stalls;
  };
  readonly restart: {
    readonly keys: number;
    readonly serveMs: readonly number[];
    readonly cpuMs: readonly number[];
  };
}

const quietMs = 2_000;

/** What a snapshot costs the node that makes it, and how fast one starts from it. */
export async function benchSnapshot(options: SnapshotOptions): Promise<SnapshotResult> {
  const freeze = await benchFreeze(options);
  const restart = await benchRestart(options);
  return { freeze, restart };
}

async function benchFreeze(options: SnapshotOptions): Promise<SnapshotResult["freeze"]> {
  const { folder, keys, valueBytes, callers, repetitions, progress } = options;
  return await withProcess("node", async (node) => {
    await node.ask({ kind: "start", setup: { dataDir: join(folder, "freeze"), nodeId: 1 } });
    progress(`writing ${keys} keys`);
    await node.ask({ kind: "fill", keys, valueBytes });
    const samples: FreezeSample[] = [];
    // The first repetition warms up and is not reported.
    for (let repetition = 0; repetition <= repetitions; repetition++) {
      progress(`snapshot ${repetition} of ${repetitions}`);
      const asked = { kind: "freeze", callers, keys, valueBytes, quietMs } as const;
      const { freeze: sample } = await node.ask(asked);
      if (repetition > 0 && sample !== undefined) samples.push(sample);
    }
    await node.ask({ kind: "save" });
    await node.ask({ kind: "close" });
    const around = ({ before, after }: FreezeSample, of: "perSecond" | "cpuMicrosPerPut") =>
      (before[of] + after[of]) / 2;
    const ratio = (of: "perSecond" | "cpuMicrosPerPut") =>
      median(samples.map((sample) => sample.during[of] / around(sample, of)));
    return {
      keys,
      callers,
      bytes: samples[0]?.bytes ?? 0,
      samples,
      rateRatio: ratio("perSecond"),
      cpuRatio: ratio("cpuMicrosPerPut"),
      during: longest(samples.map(({ during }) => during)),
      around: longest(samples.flatMap(({ before, after }) => [before, after])),
    };
  });
}

function longest(windows: readonly LoadWindow[]): Stalls {
  const cpu = windows.map(({ blockCpuMs }) => blockCpuMs).filter((ms) => ms !== undefined);
  return {
    blockMs: Math.max(...windows.map(({ blockMs }) => blockMs)),
    blockCpuMs: cpu.length === 0 ? undefined : Math.max(...cpu),
  };
}

/** From the directory that `benchFreeze` left, with its newest snapshot. */
async function benchRestart(options: SnapshotOptions): Promise<SnapshotResult["restart"]> {
  const { folder, keys, repetitions, progress } = options;
  const serveMs: number[] = [];
  const cpuMs: number[] = [];
  for (let repetition = 1; repetition <= repetitions; repetition++) {
    progress(`start ${repetition} of ${repetitions}`);
    await withProcess("node", async (node) => {
      const setup = { dataDir: join(folder, "freeze"), nodeId: 1 };
      const answer = await node.ask({ kind: "start", setup });
      serveMs.push(answer.serveMs ?? Number.NaN);
      cpuMs.push(answer.serveCpuMs ?? Number.NaN);
      await node.ask({ kind: "close" });
    });
  }
  return { keys, serveMs, cpuMs };
}
