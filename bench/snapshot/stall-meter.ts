import { closeSync, openSync, readSync } from "node:fs";

export interface Stalls {
  /** The longest time from one turn of the event loop to the next. */
  readonly blockMs: number;
  /**
   * The most that the thread worked from one turn to the next: what is left of it where others use
   * the machine, in steps of the kernel's clock. `undefined` where the system does not tell.
   */
  readonly blockCpuMs: number | undefined;
}

const lookEveryMs = 1;

/** Looks every millisecond, as far as the event loop lets it, for how long it did not. */
export class StallMeter {
  readonly #file: number | undefined;
  readonly #timer: NodeJS.Timeout;
  readonly #buffer = Buffer.alloc(128);
  #blockMs = 0;
  #blockCpuMs = 0;
  #lastMs = performance.now();
  #lastCpuMs: number;

  constructor() {
    this.#file = openSchedule();
    this.#lastCpuMs = this.#cpuMs();
    this.#timer = setInterval(() => this.#look(), lookEveryMs);
  }

  stop(): Stalls {
    clearInterval(this.#timer);
    this.#look();
    if (this.#file === undefined) return { blockMs: this.#blockMs, blockCpuMs: undefined };
    closeSync(this.#file);
    return { blockMs: this.#blockMs, blockCpuMs: this.#blockCpuMs };
  }

  #look(): void {
    const nowMs = performance.now();
    this.#blockMs = Math.max(this.#blockMs, nowMs - this.#lastMs - lookEveryMs);
    this.#lastMs = nowMs;
    const cpuMs = this.#cpuMs();
    this.#blockCpuMs = Math.max(this.#blockCpuMs, cpuMs - this.#lastCpuMs);
    this.#lastCpuMs = cpuMs;
  }

  /** Of this thread alone. */
  #cpuMs(): number {
    if (this.#file === undefined) return 0;
    const length = readSync(this.#file, this.#buffer, 0, this.#buffer.length, 0);
    return Number(this.#buffer.toString("latin1", 0, length).split(" ")[0]) / 1e6;
  }
}

function openSchedule(): number | undefined {
  try {
    return openSync(`/proc/self/task/${process.pid}/schedstat`, "r");
  } catch {
    return undefined; // not Linux
  }
}
