import { type EngineClient, isEngineError } from "@d-engine/client";
import type { Sleeper } from "./naive-lock.js";

/** The value of a lock that nobody holds; absent means the same. */
const free = "";

/**
 * The lock again, without the bug: each acquisition has a name of its own, and only the lock of
 * that name is released. Asking twice then does no harm, whatever became of the first time.
 *
 * It still is a lesson and no product: a holder that dies keeps it for ever.
 */
export class CarefulLock {
  readonly #client: EngineClient;
  readonly #clock: Sleeper;
  readonly #me: string;
  #acquisitions = 0;

  constructor(client: EngineClient, clock: Sleeper, me: string) {
    this.#client = client;
    this.#clock = clock;
    this.#me = me;
  }

  async acquire(): Promise<void> {
    this.#acquisitions += 1;
    const mine = this.#name;
    await this.#insist(async () => {
      const holder = await this.#client.getString("lock");
      if (holder === mine) return true;
      if (holder !== undefined && holder !== free) return false;
      return await this.#client.compareAndSwap("lock", holder, mine);
    });
  }

  async release(): Promise<void> {
    const mine = this.#name;
    await this.#insist(async () => {
      await this.#client.compareAndSwap("lock", mine, free);
      return true;
    });
  }

  get #name(): string {
    return `${this.#me}#${this.#acquisitions}`;
  }

  /** Tries again until it is done; what has no answer may have happened. */
  async #insist(attempt: () => Promise<boolean>): Promise<void> {
    for (;;) {
      try {
        if (await attempt()) return;
      } catch (error) {
        if (!isEngineError(error)) throw error;
      }
      await this.#clock.sleep(100);
    }
  }
}
