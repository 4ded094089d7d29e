import type { EngineClient } from "d-engine";
import type { SingleNodeOptions } from "./options.js";
import { oneByteString, type RawLimit } from "./raw-limit.js";
import { type Latencies, median, spread } from "./statistics.js";

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

interface Context {
  readonly client: EngineClient & LocalReads;
  readonly limit: RawLimit;
  readonly keys: readonly Uint8Array[];
  readonly latencies: Latencies;
  readonly options: SingleNodeOptions;
}

/** What only an embedded client can do. */
interface LocalReads {
  getLocal(key: Uint8Array): Uint8Array | undefined;
}

/** The time is looked at once in so many reads. */
const burst = 256;

/** Reads of the keys that the puts have written, in the same order of keys. */
export async function measureReads(context: Context): Promise<ReadResult[]> {
  const { client, limit, keys, options } = context;
  options.progress("reads");
  const names = keys.map(oneByteString);
  const results = [
    repeatSync(context, "Map.get, no engine", (n) => limit.get(names[n]!)),
    repeatSync(context, "getLocal", (n) => client.getLocal(keys[n]!)),
  ];
  for (const consistency of ["eventual", "lease", "linearizable"] as const) {
    for (const callers of [1, 1000]) {
      const read = (n: number) => client.get(keys[n]!, { consistency });
      results.push(await repeatAwaited(context, consistency, callers, read));
    }
  }
  return results;
}

function repeatSync(
  { keys, options }: Context,
  name: string,
  read: (n: number) => Uint8Array | undefined,
): ReadResult {
  const rates: number[] = [];
  let at = 0;
  let bytes = 0; // used, so that no read can be left out as useless
  for (let repetition = 0; repetition < options.repetitions; repetition++) {
    const startedMs = performance.now();
    let reads = 0;
    while (performance.now() - startedMs < options.durationMs) {
      for (let n = 0; n < burst; n++) {
        at = (at + 7919) % keys.length;
        bytes += read(at)!.length;
      }
      reads += burst;
    }
    rates.push((reads * 1000) / (performance.now() - startedMs));
  }
  if (bytes === 0) throw new Error("nothing was read");
  return { name, callers: 0, perSecond: median(rates), spread: spread(rates) };
}

async function repeatAwaited(
  { keys, latencies, options }: Context,
  name: string,
  callers: number,
  read: (n: number) => Promise<Uint8Array | undefined>,
): Promise<ReadResult> {
  const rates: number[] = [];
  const percentiles: number[][] = [];
  let at = 0;
  for (let repetition = 0; repetition < options.repetitions; repetition++) {
    latencies.clear();
    const startedMs = performance.now();
    let reads = 0;
    const caller = async () => {
      let beforeMs = performance.now();
      while (beforeMs - startedMs < options.durationMs) {
        at = (at + 7919) % keys.length;
        if ((await read(at)) === undefined) throw new Error("a key that was put is missing");
        const afterMs = performance.now();
        latencies.add(afterMs - beforeMs);
        beforeMs = afterMs;
        reads += 1;
      }
    };
    // A read that needs no message resolves without a turn of the event loop: let timers in.
    await new Promise((resolve) => setImmediate(resolve));
    await Promise.all(Array.from({ length: callers }, caller));
    rates.push((reads * 1000) / (performance.now() - startedMs));
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
