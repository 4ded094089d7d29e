import type { CoordinationClient } from "../coordination-client.js";
import { type AcquireOptions, acquire, whileHeld } from "../lock/acquire.js";
import type { Lock } from "../lock/held.js";
import { QueueKeys } from "../queue/queue-keys.js";

/**
 * One of the permits of a semaphore, held. All that a `Lock` can do; but as several hold at the same
 * time, its `token` says only who came first, and a write made with it proves the permit and not
 * that nobody else has one.
 */
export type Permit = Lock;

/** So many may work at the same time in the cluster. */
export interface Semaphore {
  readonly name: string;
  readonly limit: number;
  /** Runs `work` while one of the permits is held; elsewise as `withLock`. */
  withPermit<T>(work: (permit: Permit) => Promise<T> | T, options?: AcquireOptions): Promise<T>;
  /** A permit if one is free, otherwise `undefined`; elsewise as `tryLock`. */
  tryAcquire(options?: AcquireOptions): Promise<Permit | undefined>;
}

/**
 * The semaphore `name`: at most `limit` in the cluster hold a permit at the same time, and whoever
 * asked first is next. All must name the same limit: as long as somebody holds or waits by another
 * one, acquiring rejects with `INVALID_REQUEST`, which names both. Making it costs nothing.
 *
 * @example
 * const imports = semaphore(client, "imports", 3);
 * await imports.withPermit(async ({ signal }) => importNext({ signal }));
 * @throws EngineError `INVALID_REQUEST` for a name or a limit that is none
 */
export function semaphore(client: CoordinationClient, name: string, limit: number): Semaphore {
  const keys = new QueueKeys("semaphore", name, limit);
  return {
    name,
    limit,
    async withPermit(work, options = {}) {
      const hold = await acquire({ client, name, keys, value: "", mode: "wait", options });
      return await whileHeld(hold, work);
    },
    tryAcquire: (options = {}) => acquire({ client, name, keys, value: "", mode: "try", options }),
  };
}
