import type { LogSession } from "./log-session.js";
import { seededRandom } from "./seeded-random.js";
import { SimulatedStorage } from "./simulated-storage.js";

/** A storage whose process ends in the middle of a chosen operation on the disk. */
export class CrashPoint {
  readonly storage: SimulatedStorage;
  readonly #end: "kill" | "powerLoss";
  #left = Number.POSITIVE_INFINITY;
  #onCrash: () => void = () => undefined;

  constructor(seed: number, end: "kill" | "powerLoss") {
    this.#end = end;
    const schedule = (_: unknown, run: () => void): void => this.#step(run);
    this.storage = new SimulatedStorage(seed, {}, { schedule });
  }

  /**
   * Runs `task`, and ends the process at its operation number `operation`, from 1. Gives whether
   * the task ended before that.
   */
  async run(operation: number, task: () => Promise<unknown>): Promise<boolean> {
    this.#left = operation;
    const crashed = new Promise<false>((resolve) => {
      this.#onCrash = () => resolve(false);
    });
    const ended = task().then(() => true as const);
    const hasEnded = await Promise.race([ended, crashed]);
    this.#left = Number.POSITIVE_INFINITY;
    return hasEnded;
  }

  #step(run: () => void): void {
    if (--this.#left > 0) {
      queueMicrotask(run);
      return;
    }
    if (this.#left < 0) return;
    this.storage.disk[this.#end]();
    this.#onCrash();
  }
}

/**
 * Does `task` on a storage that `prepare` filled, with a crash at its first operation, at its
 * second and so on until it ends before its crash; `check` sees the storage opened again, each
 * time after several such crashes: what a power loss leaves is chance.
 */
export async function crashEverywhere(parts: {
  readonly prepare: (session: LogSession) => Promise<void>;
  readonly task: (session: LogSession) => Promise<unknown>;
  readonly check: (session: LogSession, hasEnded: boolean) => Promise<void>;
}): Promise<number> {
  const random = seededRandom(1);
  for (let operation = 1; ; operation++) {
    let endedAlways = true;
    for (const end of ["kill", "powerLoss", "powerLoss", "powerLoss"] as const) {
      const point = new CrashPoint(Math.floor(random.next() * 2 ** 31), end);
      const first = await point.storage.open();
      await parts.prepare(first);
      const hasEnded = await point.run(operation, () => parts.task(first));
      endedAlways &&= hasEnded;
      if (hasEnded) point.storage.disk[end]();
      const again = await point.storage.open();
      await parts.check(again, hasEnded);
      // What was found once is found for ever: the power goes before anything is written.
      point.storage.disk.powerLoss();
      await parts.check(await point.storage.open(), hasEnded);
    }
    if (endedAlways) return operation;
  }
}
