import { monitorEventLoopDelay } from "node:perf_hooks";
import type { Put } from "../callers.js";

/** What was seen while the load went on for a while. */
export interface LoadWindow {
  readonly ms: number;
  readonly perSecond: number;
  readonly cpuMicrosPerPut: number;
  /** The longest time for which the event loop did not turn. */
  readonly blockMs: number;
}

const resolutionMs = 1;
const stride = 7919; // prime, so that every key is visited

/** Puts from some callers without a pause, of which stretches are measured one after the other. */
export class PutLoad {
  #puts = 0;
  #stopped = false;
  readonly #running: Promise<unknown>;

  constructor(put: Put, keys: readonly Uint8Array[], valueBytes: number, callers: number) {
    const value = new Uint8Array(valueBytes).fill(0x76);
    let drawn = 0;
    const caller = async (): Promise<void> => {
      while (!this.#stopped) {
        drawn = (drawn + stride) % keys.length;
        await put(keys[drawn]!, value);
        this.#puts += 1;
      }
    };
    this.#running = Promise.all(Array.from({ length: callers }, caller));
  }

  /** Measures until `end` resolves. */
  async measure(end: Promise<unknown>): Promise<LoadWindow> {
    const delays = monitorEventLoopDelay({ resolution: resolutionMs });
    const putsBefore = this.#puts;
    const cpuBefore = process.cpuUsage();
    const startedMs = performance.now();
    delays.enable();
    await end;
    delays.disable();
    const ms = performance.now() - startedMs;
    const { user, system } = process.cpuUsage(cpuBefore);
    const puts = this.#puts - putsBefore;
    return {
      ms,
      perSecond: (puts * 1000) / ms,
      cpuMicrosPerPut: (user + system) / puts,
      // Measured from one look to the next, of which one is due every millisecond.
      blockMs: Math.max(0, delays.max / 1e6 - resolutionMs),
    };
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#running;
  }
}
