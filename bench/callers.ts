import type { Latencies } from "./statistics.js";

/** What is measured: one durable put. */
export type Put = (key: Uint8Array, value: Uint8Array) => Promise<unknown>;

export interface LoadOptions {
  readonly callers: number;
  readonly durationMs: number;
  /** Keys are drawn from this many. */
  readonly keys: number;
  readonly valueBytes: number;
}

export interface LoadResult {
  readonly perSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** Of the whole process, all threads: what is left to compare where others use the machine. */
  readonly cpuMicrosPerPut: number;
}

export const keyBytes = 8;

/** The n-th key: eight bytes, the number in big-endian order. */
export function nthKey(n: number): Uint8Array {
  const key = new Uint8Array(keyBytes);
  new DataView(key.buffer).setUint32(4, n);
  return key;
}

/** Keys by number, from 0 up to `length`. */
export interface KeySource {
  readonly length: number;
  at(n: number): Uint8Array | undefined;
}

/**
 * Keys that are made when they are asked for, each in the place of the one before: a million arrays
 * would be more for the collector to carry along than the store that is measured.
 */
export class ScratchKeys implements KeySource {
  readonly length: number;
  readonly #key = new Uint8Array(keyBytes);
  readonly #view = new DataView(this.#key.buffer);

  constructor(count: number) {
    this.length = count;
  }

  at(n: number): Uint8Array {
    this.#view.setUint32(4, n);
    return this.#key;
  }
}

/** Prepared once and used by every subject, so that making keys is not what is measured. */
export function prepareKeys(count: number): readonly Uint8Array[] {
  return Array.from({ length: count }, (_, n) => nthKey(n));
}

/**
 * Runs `callers` loops, each awaiting one put after the other, for `durationMs`. Keys are visited
 * in a fixed pseudo-random order, the same for every subject.
 */
export async function runCallers(
  put: Put,
  keys: readonly Uint8Array[],
  latencies: Latencies,
  options: Pick<LoadOptions, "callers" | "durationMs" | "valueBytes">,
): Promise<LoadResult> {
  latencies.clear();
  const value = new Uint8Array(options.valueBytes).fill(0x76);
  const stride = 7919; // prime, so that every key is visited
  let drawn = 0;
  const cpuBefore = process.cpuUsage();
  const startedMs = performance.now();
  const untilMs = startedMs + options.durationMs;
  let puts = 0;
  const caller = async () => {
    let beforeMs = performance.now();
    while (beforeMs < untilMs) {
      drawn = (drawn + stride) % keys.length;
      await put(keys[drawn]!, value);
      const afterMs = performance.now();
      latencies.add(afterMs - beforeMs);
      beforeMs = afterMs;
      puts += 1;
    }
  };
  await Promise.all(Array.from({ length: options.callers }, caller));
  const elapsedMs = performance.now() - startedMs;
  const { user, system } = process.cpuUsage(cpuBefore);
  const [p50Ms, p99Ms] = latencies.percentiles([0.5, 0.99]);
  return {
    perSecond: (puts * 1000) / elapsedMs,
    p50Ms: p50Ms!,
    p99Ms: p99Ms!,
    cpuMicrosPerPut: (user + system) / puts,
  };
}
