import type { KeySource, Put } from "../callers.js";
import { StallMeter, type Stalls } from "./stall-meter.js";

/** What was seen while the load went on for a while. */
export interface LoadWindow extends Stalls {
  readonly ms: number;
  readonly perSecond: number;
  readonly cpuMicrosPerPut: number;
}

const stride = 7919; // prime, so that every key is visited

/** Puts from some callers without a pause, of which stretches are measured one after the other. */
export class PutLoad {
  #puts = 0;
  #stopped = false;
  readonly #running: Promise<unknown>;

  constructor(put: Put, keys: KeySource, valueBytes: number, callers: number) {
    const value = new Uint8Array(valueBytes).fill(0x76);
    let drawn = 0;
    const caller = async (): Promise<void> => {
      while (!this.#stopped) {
        drawn = (drawn + stride) % keys.length;
        await put(keys.at(drawn)!, value);
        this.#puts += 1;
      }
    };
    this.#running = Promise.all(Array.from({ length: callers }, caller));
  }

  /** Measures until `end` resolves. */
  async measure(end: Promise<unknown>): Promise<LoadWindow> {
    const meter = new StallMeter();
    const putsBefore = this.#puts;
    const cpuBefore = process.cpuUsage();
    const startedMs = performance.now();
    await end;
    const stalls = meter.stop();
    const ms = performance.now() - startedMs;
    const { user, system } = process.cpuUsage(cpuBefore);
    const puts = this.#puts - putsBefore;
    return {
      ms,
      perSecond: (puts * 1000) / ms,
      cpuMicrosPerPut: (user + system) / puts,
      ...stalls,
    };
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#running;
  }
}
