import { type EngineClient, isEngineError } from "@d-engine/client";

/** What a lock needs of time, so that a test can give it virtual time. */
export interface Sleeper {
  sleep(durationMs: number): Promise<void>;
}

/**
 * A lock as one writes it on the first day. It works in every test without faults, and it has a
 * bug: see the test beside this file.
 */
export class NaiveLock {
  readonly #client: EngineClient;
  readonly #clock: Sleeper;
  readonly #me: string;

  constructor(client: EngineClient, clock: Sleeper, me: string) {
    this.#client = client;
    this.#clock = clock;
    this.#me = me;
  }

  async acquire(): Promise<void> {
    for (;;) {
      try {
        if (await this.#client.compareAndSwap("lock", undefined, this.#me)) return;
        // A swap without an answer may have been made.
        if ((await this.#client.getString("lock")) === this.#me) return;
      } catch (error) {
        if (!isEngineError(error)) throw error;
      }
      await this.#clock.sleep(100);
    }
  }

  async release(): Promise<void> {
    for (;;) {
      try {
        await this.#client.delete("lock");
        return;
      } catch (error) {
        if (!isEngineError(error)) throw error;
        await this.#clock.sleep(100);
      }
    }
  }
}
