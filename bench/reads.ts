import type { ForwardingClient } from "d-engine";
import { oneByteString, type RawLimit } from "./raw-limit.js";
import { type Latencies, median, spread } from "./statistics.js";

export interface ReadOptions {
  readonly keys: readonly Uint8Array[];
  readonly latencies: Latencies;
  readonly repetitions: number;
  readonly durationMs: number;
}

export interface ReadResult {
  readonly name: string;
  /** Reads under way at a time; 0 for a synchronous loop. */
  readonly callers: number;
  readonly perSecond: number;
  readonly spread: number;
  /** Of single awaited reads; absent for a synchronous loop, where it would measure the clock. */
  readonly p50Ms?: number;
  readonly p99Ms?: number;
}

/** The time is looked at once in so many synchronous reads. */
const burst = 256;
/** One in so many awaited reads is timed. */
const timedEach = 16;

/** What a look into the map costs, and nothing else: the reference of the engine's local reads. */
export function measureMapReads(limit: RawLimit, options: ReadOptions): ReadResult[] {
  const names = options.keys.map(oneByteString);
  return [repeatSync(options, "Map.get, no engine", (n) => limit.get(names[n]!))];
}

/** Reads of the keys that the puts have written, at every level. */
export async function measureEngineReads(
  client: ForwardingClient,
  options: ReadOptions,
): Promise<ReadResult[]> {
  const { keys } = options;
  const results = [repeatSync(options, "getLocal", (n) => client.getLocal(keys[n]!))];
  for (const consistency of ["eventual", "lease", "linearizable"] as const) {
    for (const callers of [1, 1000]) {
      const read = (n: number) => client.get(keys[n]!, { consistency });
      results.push(await repeatAwaited(options, consistency, callers, read));
    }
  }
  return results;
}

function repeatSync(
  { keys, repetitions, durationMs }: ReadOptions,
  name: string,
  read: (n: number) => Uint8Array | undefined,
): ReadResult {
  const rates: number[] = [];
  let at = 0;
  let bytes = 0; // used, so that no read can be left out as useless
  // The first repetition warms up and does not count.
  for (let repetition = 0; repetition <= repetitions; repetition++) {
    const startedMs = performance.now();
    let reads = 0;
    while (performance.now() - startedMs < durationMs) {
      for (let n = 0; n < burst; n++) {
        at = (at + 7919) % keys.length;
        bytes += read(at)!.length;
      }
      reads += burst;
    }
    if (repetition > 0) rates.push((reads * 1000) / (performance.now() - startedMs));
  }
  if (bytes === 0) throw new Error("nothing was read");
  return { name, callers: 0, perSecond: median(rates), spread: spread(rates) };
}

async function repeatAwaited(
  { keys, latencies, repetitions, durationMs }: ReadOptions,
  name: string,
  callers: number,
  read: (n: number) => Promise<Uint8Array | undefined>,
): Promise<ReadResult> {
  const rates: number[] = [];
  const percentiles: number[][] = [];
  let at = 0;
  for (let repetition = 0; repetition <= repetitions; repetition++) {
    latencies.clear();
    const startedMs = performance.now();
    let reads = 0;
    const caller = async () => {
      let nowMs = startedMs;
      while (nowMs - startedMs < durationMs) {
        // Looking at the clock costs a good part of a read: one in so many is timed.
        for (let n = 1; n < timedEach; n++) {
          at = (at + 7919) % keys.length;
          if ((await read(at)) === undefined) throw new Error("a key that was put is missing");
        }
        const beforeMs = performance.now();
        at = (at + 7919) % keys.length;
        await read(at);
        nowMs = performance.now();
        latencies.add(nowMs - beforeMs);
        reads += timedEach;
      }
    };
    await Promise.all(Array.from({ length: callers }, caller));
    const perSecond = (reads * 1000) / (performance.now() - startedMs);
    // A read that needs no message resolves without a turn of the event loop: let the node's
    // own timers run before the next repetition.
    await new Promise((resolve) => setImmediate(resolve));
    if (repetition === 0) continue;
    rates.push(perSecond);
    percentiles.push(latencies.percentiles([0.5, 0.99]));
  }
  return {
    name,
    callers,
    perSecond: median(rates),
    spread: spread(rates),
    p50Ms: median(percentiles.map(([p50]) => p50!)),
    p99Ms: median(percentiles.map(([, p99]) => p99!)),
  };
}
